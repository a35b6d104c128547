"""What the functions' own descriptions promise."""

from dataclasses import fields
from pathlib import Path

import pytest

from infra.manifests import BadManifest, Http, Manifest, load_manifest, load_manifests
from shared.config import Settings
from shared.messaging.messages import QUEUES

MANIFESTS = load_manifests()
ONLY_READ = {"console", "docs", "search", "sql-search"}  # they keep no documents with long values
GOOD = """
name: plan-run
description: Turns a run's target into media items.
entry_point: plan_run
trigger:
  queue: {max_dispatches_per_second: 5, max_concurrent_dispatches: 2, min_backoff: 1s, max_backoff: 0.5s, shards: 2}
memory: 512Mi
cpu: 1
timeout: 540s
concurrency: 8
env: [PROJECT_ID]
roles: [datastore.user, "cloudtasks.enqueuer:settle-run"]
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "plan_run" / "function.yaml"
    file.parent.mkdir()
    file.write_text(text)
    return file


def test_a_manifest_is_read_with_times_in_seconds_and_one_queue_per_shard(tmp_path: Path) -> None:
    manifest = load_manifest(written(tmp_path, GOOD))
    assert manifest.timeout == 540
    assert [name for name, _ in manifest.queues()] == ["plan-run-0", "plan-run-1"]
    assert next(manifest.queues())[1].max_backoff == 0.5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (GOOD.replace("name: plan-run", "name: plan_run"), "name"),
        (GOOD.replace("name: plan-run", "name: other"), "folder"),
        (GOOD.replace("timeout: 540s", "timeout: 540"), "timeout"),
        (GOOD + "surprise: 1\n", "surprise"),
        (GOOD.replace("shards: 2}", "shards: 2"), "function.yaml"),
        (GOOD.replace("datastore.user", "Owner"), "roles"),
    ],
)
def test_a_wrong_manifest_is_refused_by_file_and_place(tmp_path: Path, wrong: str, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        load_manifest(written(tmp_path, wrong))


def test_every_function_folder_has_a_manifest_and_a_main() -> None:
    folders = {path.parent for path in Path("functions").glob("*/*/main.py")}
    assert folders
    assert {manifest.folder.relative_to(Path.cwd()) for manifest in MANIFESTS} == folders


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_a_function_asks_only_for_settings_there_are(manifest: Manifest) -> None:
    known = {field.name.upper() for field in fields(Settings)}
    assert set(manifest.env) | set(manifest.secrets) <= known


def test_every_command_has_the_queues_it_is_sent_to() -> None:
    wired = {name for manifest in MANIFESTS for name, _ in manifest.queues()}
    assert wired == {name for names in QUEUES.values() for name in names}


def test_no_two_families_claim_the_same_path() -> None:
    https = [trigger for m in MANIFESTS for trigger in m.triggers if isinstance(trigger, Http)]
    claimed = [path for http in https for path in (*("/api/v2" + one for one in http.paths), *http.root_paths)]
    assert len(claimed) == len(set(claimed))


def test_a_family_that_keeps_answers_may_write_the_objects_that_long_values_go_to() -> None:
    """A document's value above 256 KiB becomes an object of the derived bucket, a kept answer as well as a plan."""
    for manifest in MANIFESTS:
        if manifest.group == "api" and "DERIVED_BUCKET" in manifest.env and manifest.name not in ONLY_READ:
            assert "storage.objectUser:derived" in manifest.roles, manifest.name


def test_what_a_function_is_told_of_it_may_also_use() -> None:
    needs = {"KMS_KEY": "cloudkms.", "TEXT_EMBEDDING_MODEL": "aiplatform.", "STAGE_SERVICE_ACCOUNT": "cloudtasks."}
    for manifest in MANIFESTS:
        for setting, role in needs.items():
            may = any(one.startswith(role) for one in manifest.roles)
            assert may or setting not in manifest.env, (manifest.name, setting)
