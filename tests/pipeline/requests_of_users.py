"""What a user asks of a run or a media item through the API, by the handlers themselves."""

import io
from typing import Any

from functions.api.prompt_runs import handlers as prompt_runs
from functions.api.prompt_runs import retries
from functions.api.prompt_runs.schemas import RetryBody
from shared.domain.cursors import Cursors
from shared.domain.media import Deletion, Index, Video
from shared.domain.runs import Run, SegmentResult
from shared.http.call import Call, Caller
from shared.http.request import Headers, Request
from shared.store.deletions import Deletions
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos
from tests.pipeline.scenes import USER
from tests.pipeline.world import World


def cancel(world: World, run: Run) -> None:
    """Raises ApiError where the API answers one."""
    prompt_runs.cancel(_call(run), _deps(world), run.run_id)


def retry(world: World, run: Run, row: SegmentResult, key: str) -> dict[str, Any]:
    """Asks for another try at a segment; raises ApiError where the API answers one."""
    call = _call(run, body=RetryBody(), headers=[("Idempotency-Key", key)])
    return retries.retry_segment(call, _deps(world), run.run_id, row.video_id, row.segment_id)


def retry_of(world: World, run: Run, row: SegmentResult, retry_id: str) -> dict[str, Any]:
    return retries.get_retry(_call(run), _deps(world), run.run_id, row.video_id, row.segment_id, retry_id)


def failed_segments(world: World, run: Run) -> dict[str, Any]:
    return retries.list_failed_segments(_call(run), _deps(world), run.run_id)


def _call(run: Run, *, body: Any = None, headers: list[tuple[str, str]] | None = None) -> Call[Any]:
    caller = Caller(tenant=run.tenant, user_id=USER, scopes=frozenset({"write"}))
    request = Request("POST", f"/api/v2/prompt-runs/{run.run_id}", "", Headers(headers or []), io.BytesIO(), None)
    return Call(caller, body, None, request, "req")


def _deps(world: World) -> prompt_runs.Deps:
    store = world.store
    pages = Pages(store, Cursors("cursors"))
    kept = (Indexes(store), Videos(store, pages), Prompts(store), Runs(store, pages))
    return prompt_runs.Deps(store, world.queues, world.objects, pages, *kept)


def delete(world: World, target: Index | Video) -> Deletion:
    """As the API's DELETE does; the resource is read anew first."""
    ids = (target.tenant, target.index_id if isinstance(target, Index) else target.video_id)
    current = world.store.get(type(target), *ids)
    assert current is not None
    return Deletions(world.store, world.queues).start(current)
