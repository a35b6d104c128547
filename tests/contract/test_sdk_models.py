"""What we answer is what the published clients' own models take: fields, types and what must never be null."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from shared.domain.ids import new_id
from shared.domain.media import Segment
from shared.domain.runs import SegmentResult
from shared.http.views.segment import canonical_segment, run_segment
from tests.api.test_indexes import an_index, put_run, put_video, tenant_of
from tests.api.test_prompts import create, scenes
from tests.api.world import World

VERSIONS = ["1.0.0", "1.1.0", "2.0.0"]
SDKS = Path(sys.prefix) / "sdk"


@pytest.fixture(params=VERSIONS)
def models(request: pytest.FixtureRequest) -> ModuleType:
    """The client's response models alone; they need nothing but pydantic."""
    file = SDKS / request.param / "videovector" / "_types.py"
    if not file.exists():
        pytest.skip(f"videovector {request.param} is not installed below {SDKS}")
    name = f"videovector_types_{request.param.replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_indexes_media_and_runs_are_what_clients_read(world: World, models: ModuleType) -> None:
    index_id, tenant = an_index(world)["index_id"], tenant_of(world)
    put_video(world, tenant, index_id, "film")
    put_run(world, tenant, [index_id], target={"type": "index", "index_id": index_id})
    for index in world.call("GET", "/indexes", None, world.as_owner()).json:
        models.Index.model_validate(index)
    page = world.call("GET", f"/indexes/{index_id}/videos", None, world.as_owner()).json
    assert [models.Video.model_validate(one).title for one in page["data"]] == ["film"]
    models.PaginationMeta.model_validate(page["pagination"])
    [run] = world.call("GET", f"/indexes/{index_id}/prompt-runs", None, world.as_owner()).json["data"]
    read = models.PromptRun.model_validate(run)
    assert read.run_context == {"type": "index", "index_id": index_id}
    assert set(models.PromptRun.model_fields) <= set(run)
    deletion = world.call("DELETE", f"/indexes/{index_id}", None, world.as_owner()).json
    models.DeleteResponse.model_validate(deletion)
    if hasattr(models, "IndexDeletionResponse"):
        assert models.IndexDeletionResponse.model_validate(deletion).status == "draining"


def test_prompts_are_what_clients_read(world: World, models: ModuleType) -> None:
    for body in (scenes(), scenes(video_level=None, semantic_indexing=None, description=None)):
        made = create(world, body).json
        models.Prompt.model_validate(made)
        assert set(models.Prompt.model_fields) <= set(made)
    models.PromptListResponse.model_validate(world.call("GET", "/prompts", None, world.as_owner()).json)
    usage = world.call("GET", f"/prompts/{made['prompt_id']}/usage", None, world.as_owner()).json
    models.PromptUsageStats.model_validate(usage)
    for sample in ({"headline": "a"}, {"headline": 1}):
        body = {"json_schema": scenes()["json_schema"], "sample_data": sample}
        models.TestSchemaResponse.model_validate(world.call("POST", "/prompts/test-schema", body, world.as_owner()).json)


def test_keys_are_what_clients_read(world: World, models: ModuleType) -> None:
    made = world.call("POST", "/api-keys", {"name": "a"}, world.as_owner()).json
    assert models.ApiKeyWithSecret.model_validate(made).key == made["key"]
    rotated = world.call("POST", f"/api-keys/{made['key_id']}/rotate", None, world.as_owner()).json
    models.ApiKeyWithSecret.model_validate(rotated["new_key"])
    for key in world.call("GET", "/api-keys", None, world.as_owner()).json:
        models.ApiKey.model_validate(key)


def test_segments_are_what_clients_read(world: World, models: ModuleType) -> None:
    tenant, now = tenant_of(world), world.store.clock()
    video, run = put_video(world, tenant, "", "film"), put_run(world, tenant, [""])
    ids = {"tenant": tenant, "video_id": video.video_id, "segment_id": new_id("segment"), "cut_id": new_id("cut")}
    times = {"created_at": now, "updated_at": now}
    cut = Segment(**times, **ids, ordinal=0, start=0.0, end=2.5)
    row = SegmentResult(**times, **ids, run_id=run.run_id, status="failed", field_extraction_error="no answer")
    for view in (canonical_segment(cut, video), run_segment(row, run, video, lambda uri: uri)):
        models.Segment.model_validate(view)
        assert set(models.Segment.model_fields) <= set(view)
    assert run_segment(row, run, video)["failure_message"] == "no answer"
