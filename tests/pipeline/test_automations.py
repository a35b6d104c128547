"""Automations: what is new arrives once, is looked at once, and leaves once; what is paused does nothing at all."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.pipeline.import_file.importing import Deps as ImportFileDeps
from functions.pipeline.import_file.importing import import_file
from functions.pipeline.scan_import.scanning import Deps as ScanDeps
from functions.pipeline.scan_import.scanning import scan_import
from shared.domain.automations import Automation, automation_id
from shared.domain.connectors import Connector
from shared.domain.exports import Export
from shared.domain.ids import new_id
from shared.domain.imports import ImportJob, ImportStatus
from shared.domain.media import Index, Video
from shared.domain.prompts import Prompt
from shared.domain.runs import Run
from shared.messaging.messages import EventHappened, ImportFile, RunAutomation, ScanImport
from shared.store.deletions import Deletions
from shared.work.claims import Claims
from shared.work.stage import Stage
from tests.pipeline.delivery_house import DeliveryHouse
from tests.pipeline.films import picture
from tests.pipeline.scenes import SCHEMA, USER
from tests.pipeline.world import LOOPBACK, World, no_heartbeat

FOUND = {"headline": "Harbour at dawn"}


@pytest.fixture
def house(world: World) -> DeliveryHouse:
    claims = Claims(world.store, no_heartbeat)
    scan = ScanDeps(world.store, world.queues, world.topics, claims, world.opener)
    copy = ImportFileDeps(world.store, world.queues, world.topics, world.objects, claims, world.opener, LOOPBACK)
    world.stages["scan-import"] = Stage(ScanImport, scan_import, lambda: scan)
    world.stages["import-file"] = Stage(ImportFile, import_file, lambda: copy)
    return DeliveryHouse(world)


def a_prompt(house: DeliveryHouse) -> Prompt:
    now = house.world.store.clock()
    prompt = Prompt(
        created_at=now, updated_at=now, tenant=house.tenant, prompt_id=new_id("prompt"), user_id=USER, name="Scenes",
        prompt_text="Extract.", json_schema=SCHEMA,
    )  # fmt: skip
    return house._create(prompt)


def put(house: DeliveryHouse, index: Index, connector: Connector, kind: str = "import", **body: Any) -> dict[str, Any]:
    name = "connector_id" if kind == "import" else "destination_connector_id"
    answer = house.call("PUT", f"/indexes/{index.index_id}/automations/{kind}", {name: connector.connector_id, **body})
    assert answer.status == 200, answer.body
    return answer.json


def told(house: DeliveryHouse, index: Index, kind: str = "import", verb: str = "") -> dict[str, Any]:
    path = f"/indexes/{index.index_id}/automations/{kind}"
    answer = house.call("POST", f"{path}/{verb}") if verb else house.call("GET", path)
    assert answer.status == 200, answer.body
    return answer.json


def drop(house: DeliveryHouse, path: str, content: bytes, bucket: str = "customer") -> None:
    house.world.objects._client.bucket(bucket).blob(path).upload_from_string(content)


def stored(house: DeliveryHouse, kind: type[Any]) -> list[Any]:
    return list(house.world.store.stream(kind, house.world.store.collection(kind, house.tenant)))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def until(house: DeliveryHouse, seconds: float) -> None:
    """Carries everything that falls due within so many seconds from now, with the sweep of every minute between."""
    end = house.world.clock() + seconds
    while house.world.clock() < end:
        house.world.deliver(horizon=min(60.0, end - house.world.clock()))
        house.world.tick()
        house.world.deliver(horizon=0.0)
        house.world.clock.advance(max(0.001, min(60.0, end - house.world.clock())))
    house.world.deliver(horizon=0.0)


def test_what_is_put_can_be_read_paused_and_resumed(house: DeliveryHouse) -> None:
    index, connector, prompt = house.index(), house.connector(), a_prompt(house)
    path = f"/indexes/{index.index_id}/automations/import"
    for verb, method in (("", "GET"), ("/pause", "POST"), ("/resume", "POST")):
        assert house.call(method, path + verb).error == "automation_not_found"
    preset = {"prompt_id": prompt.prompt_id, "enable_transcription": False}
    made = put(house, index, connector, source_prefix="in/", file_pattern="*.png", debounce_interval="1h", prompt_preset=preset)
    assert made["prompt_preset"] == preset and made["recursive"] is True and made["last_run_at"] is None
    assert moment(made["next_run_at"]) - moment(made["updated_at"]) == timedelta(hours=1)
    assert told(house, index) == made
    paused = told(house, index, verb="pause")
    assert paused["paused"] is True and paused["next_run_at"] is None
    assert {**told(house, index, verb="resume"), "updated_at": ""} == {**made, "updated_at": ""}
    export = put(house, index, connector, "export", destination_subpath="/team/")
    assert (export["destination_subpath"], export["next_run_at"], export["enabled"]) == ("team", None, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"debounce_interval": "7m"},
        {"file_pattern": "{"},
        {"prompt_preset": {}},
        {"prompt_preset": {"prompt_id": "p", "target": {"type": "playground"}}},
        {"prompt_preset": {"prompt_id": "p", "video_segmentation_type": "fixed"}},
        {"source_prefix": "a\\b"},
        {"connector_id": None},
        {"enabled": "perhaps"},
    ],
)
def test_what_is_wrong_with_the_body_comes_before_what_is_missing(house: DeliveryHouse, wrong: dict[str, Any]) -> None:
    answer = house.call("PUT", "/indexes/idx_nothing/automations/import", {"connector_id": "conn_x", **wrong})
    assert (answer.status, answer.error) == (422, "validation_failed"), answer.body


def test_names_that_lead_nowhere_are_told_apart(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector(scopes=["import"])
    path = f"/indexes/{index.index_id}/automations"
    assert house.call("PUT", "/indexes/idx_x/automations/import", {"connector_id": "conn_x"}).error == "index_not_found"
    assert house.call("PUT", f"{path}/import", {"connector_id": "conn_x"}).error == "connector_not_found"
    lost = {"connector_id": connector.connector_id, "prompt_preset": {"prompt_id": "prm_x"}}
    assert house.call("PUT", f"{path}/import", lost).error == "prompt_not_found"
    inbound = house.call("PUT", f"{path}/export", {"destination_connector_id": connector.connector_id})
    assert inbound.status == 422 and "export" in inbound.json["error"]["message"]
    assert house.call("GET", f"{path}/import", user="eve").error == "index_not_found"


def test_what_is_new_arrives_at_the_hour_once_and_the_prompt_runs_over_it(house: DeliveryHouse) -> None:
    index, connector, prompt = house.index(), house.connector(), a_prompt(house)
    drop(house, "in/a.png", picture())
    drop(house, "in/notes.txt", b"not media")
    drop(house, "elsewhere/b.png", picture())
    put(house, index, connector, source_prefix="in/", debounce_interval="5m", prompt_preset={"prompt_id": prompt.prompt_id})
    until(house, 290)
    assert stored(house, ImportJob) == [] and stored(house, Run) == []
    until(house, 400)
    [job] = stored(house, ImportJob)
    [video] = stored(house, Video)
    [run] = stored(house, Run)
    assert (job.status, video.index_id, run.prompt_id) == (ImportStatus.COMPLETED, index.index_id, prompt.prompt_id)
    assert run.target == {"type": "videos", "video_ids": [video.video_id], "index_id": index.index_id}
    assert job.execution == {"status": "submitted", "run_id": run.run_id, "error_code": "", "error": ""}
    assert run.status == "completed"
    after = told(house, index)
    assert after["last_run_at"] is not None and after["last_error"] is None
    until(house, 1_300)
    assert len(stored(house, ImportJob)) == 1, "nothing new: no import"
    drop(house, "in/c.png", picture())
    until(house, 700)
    assert len(stored(house, ImportJob)) == len(stored(house, Run)) == len(stored(house, Video)) == 2
    assert moment(told(house, index)["next_run_at"]).timestamp() > house.world.clock()


def test_while_it_is_paused_nothing_fires_and_later_what_is_due_does(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    drop(house, "a.png", picture())
    put(house, index, connector, debounce_interval="5m")
    told(house, index, verb="pause")
    until(house, 1_000)
    assert stored(house, ImportJob) == []
    resumed = told(house, index, verb="resume")
    assert moment(resumed["next_run_at"]) <= moment(resumed["updated_at"])
    until(house, 60)
    assert len(stored(house, ImportJob)) == 1


def test_paused_in_the_middle_of_an_import_the_prompt_runs_after_the_resume(house: DeliveryHouse) -> None:
    index, connector, prompt = house.index(), house.connector(), a_prompt(house)
    drop(house, "a.png", picture())
    put(house, index, connector, debounce_interval="5m", prompt_preset={"prompt_id": prompt.prompt_id})
    house.world.before["scan-import"] = lambda: told(house, index, verb="pause")
    until(house, 1_000)
    assert len(stored(house, Video)) == 1 and stored(house, Run) == []
    told(house, index, verb="resume")
    until(house, 60)
    assert len(stored(house, Run)) == 1 and len(stored(house, ImportJob)) == 1


def test_another_interval_counts_from_its_edit_and_the_old_hour_fires_nothing(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    drop(house, "a.png", picture())
    put(house, index, connector, debounce_interval="5m")
    until(house, 200)
    edited = put(house, index, connector, debounce_interval="10m")
    assert moment(edited["next_run_at"]) - moment(edited["updated_at"]) == timedelta(minutes=10)
    until(house, 590)
    assert stored(house, ImportJob) == []
    until(house, 60)
    assert len(stored(house, ImportJob)) == 1
    same = told(house, index)["next_run_at"]
    assert put(house, index, connector, debounce_interval="10m", file_pattern="*.mov")["next_run_at"] == same


def test_a_lost_task_is_made_good_by_the_sweep(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    drop(house, "a.png", picture())
    put(house, index, connector, debounce_interval="1d")
    house.world.deliver(horizon=0.0)
    assert house.world.lose("run-automation") == 1
    house.world.clock.advance(86_400 + 120)
    house.world.tick()
    house.world.deliver()
    assert len(stored(house, ImportJob)) == 1


def test_a_deleted_connector_is_told_and_what_it_left_undone_begins_with_another(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    put(house, index, connector, debounce_interval="5m")
    put(house, index, connector, "export")
    house.change(connector, deleted_at=house.world.store.clock())
    run = house.run([(house.video(index.index_id), [FOUND])])
    until(house, 400)
    for kind in ("import", "export"):
        assert "connector was deleted" in told(house, index, kind)["last_error"]
    assert stored(house, Export) == [] and stored(house, ImportJob) == []
    put(house, index, house.connector("second"), "export")
    until(house, 60)
    [export] = stored(house, Export)
    assert export.prompt_run_ids == [run.run_id] and told(house, index, "export")["last_error"] is None


def test_a_prompt_gone_by_the_end_of_the_import_is_told(house: DeliveryHouse) -> None:
    index, connector, prompt = house.index(), house.connector(), a_prompt(house)
    drop(house, "a.png", picture())
    put(house, index, connector, debounce_interval="5m", prompt_preset={"prompt_id": prompt.prompt_id})
    house.change(prompt, is_active=False)
    until(house, 400)
    [job] = stored(house, ImportJob)
    assert stored(house, Run) == [] and job.execution["status"] == "blocked"
    assert "prompt of the preset" in told(house, index)["last_error"]


def test_each_run_over_the_index_that_ends_is_written_to_the_connector_once(house: DeliveryHouse) -> None:
    index, other, connector = house.index(), house.index("Other"), house.connector(export_base_path="exports")
    before = house.run([(house.video(index.index_id), [FOUND])])
    put(house, index, connector, "export", destination_subpath="team")
    mine, theirs = house.video(index.index_id), house.video(other.index_id)
    run = house.run([(mine, [FOUND]), (theirs, [FOUND])])
    house.run([(theirs, [FOUND])])
    until(house, 30)
    [export] = stored(house, Export)
    assert (export.status, export.target_id, export.prompt_run_ids) == ("completed", index.index_id, [run.run_id])
    [name] = house.files("", "customer")
    assert name.startswith("exports/team/index-")
    content = house.world.objects._client.bucket("customer").blob(name).download_as_bytes()
    assert theirs.video_id.encode() not in content and before.run_id.encode() not in content
    after = told(house, index, "export")
    assert after["last_run_at"] is not None and after["last_error"] is None


def test_runs_that_end_while_it_is_paused_are_exported_with_the_resume(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    put(house, index, connector, "export")
    told(house, index, "export", "pause")
    runs = [house.run([(house.video(index.index_id), [FOUND])]) for _ in range(2)]
    until(house, 7_300)
    assert stored(house, Export) == []
    told(house, index, "export", "resume")
    until(house, 30)
    assert {one.prompt_run_ids[0] for one in stored(house, Export)} == {run.run_id for run in runs}


def test_while_it_is_not_enabled_runs_are_not_even_remembered(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    put(house, index, connector, "export", enabled=False)
    house.run([(house.video(index.index_id), [FOUND])])
    put(house, index, connector, "export", enabled=True)
    until(house, 30)
    assert stored(house, Export) == []


def test_an_end_that_nobody_told_of_is_found_within_the_hour(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    put(house, index, connector, "export")
    house.world.deliver(horizon=0.0)
    reacts = house.world.stages.pop("react-automations")
    house.world.stages["react-automations"] = Stage(EventHappened, lambda message, deps: None, lambda: None)
    house.run([(house.video(index.index_id), [FOUND])])
    house.world.stages["react-automations"] = reacts
    assert stored(house, Export) == []
    until(house, 3_800)
    assert [one.status for one in stored(house, Export)] == ["completed"]


def test_an_export_that_fails_is_told_on_its_automation(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    put(house, index, connector, "export")
    house.world.objects._client.bucket("customer").delete()
    house.run([(house.video(index.index_id), [FOUND])])
    until(house, 120)
    assert [one.status for one in stored(house, Export)] == ["failed"]
    assert told(house, index, "export")["last_error"].startswith("the last export failed")


def test_with_its_index_an_automation_goes_and_fires_no_more(house: DeliveryHouse) -> None:
    index, connector = house.index(), house.connector()
    drop(house, "a.png", picture())
    put(house, index, connector, debounce_interval="5m")
    put(house, index, connector, "export")
    Deletions(house.world.store, house.world.queues).start(house.world.store.get(Index, house.tenant, index.index_id))  # type: ignore[arg-type]
    assert house.call("GET", f"/indexes/{index.index_id}/automations/import").error == "index_not_found"
    until(house, 1_000)
    assert stored(house, ImportJob) == [] and stored(house, Automation) == []


def storm(house: DeliveryHouse, seed: int, triggers: int) -> None:
    """Duplicated and reordered triggers of both automations, with pauses and edits in between; all that they begin is counted."""
    chance = random.Random(seed)
    index, connector, prompt = house.index(), house.connector(f"storm-{seed}"), a_prompt(house)
    preset = {"prompt_id": prompt.prompt_id, "enable_transcription": False}
    put(house, index, connector, debounce_interval="5m", prompt_preset=preset)
    put(house, index, connector, "export")
    dropped = finished = 0
    for step in range(triggers):
        kind = chance.choice(("import", "export"))
        house.world.queues.send(
            RunAutomation(tenant=house.tenant, automation_id=automation_id(index.index_id, kind)),
            not_before=house.world.store.clock() + timedelta(seconds=chance.choice((0, 0, 1, 30, 400))),
        )
        roll = chance.random()
        if roll < 8 / triggers:
            drop(house, f"{step}.png", picture(), f"storm-{seed}")
            dropped += 1
        elif roll < 14 / triggers:
            house.run([(house.video(index.index_id), [FOUND])], deliver=False)
            finished += 1
        elif roll < 18 / triggers:
            told(house, index, kind, chance.choice(("pause", "resume")))
        if chance.random() < 0.1:
            house.world.deliver_due()
            house.world.clock.advance(chance.choice((0.5, 20, 150)))
    for kind in ("import", "export"):
        told(house, index, kind, "resume")
    until(house, 1_500)
    jobs, videos, runs, exports = (stored(house, one) for one in (ImportJob, Video, Run, Export))
    imported = [one for one in videos if one.source_connector_id]
    assert len(imported) == dropped, "each object arrived once"
    covered = [video_id for run in runs if run.prompt_id == prompt.prompt_id for video_id in run.target["video_ids"]]
    assert sorted(covered) == sorted(one.video_id for one in imported), "each was run over once"
    assert sorted(one.prompt_run_ids[0] for one in exports) == sorted(run.run_id for run in runs), "each run left once"
    assert len(runs) == finished + len([one for one in jobs if one.imported])
    assert {one.status for one in exports} <= {"completed"} and len(house.files("", f"storm-{seed}")) == dropped + len(exports)


def test_a_hundred_duplicated_and_reordered_triggers_fire_nothing_twice(house: DeliveryHouse) -> None:
    storm(house, 1, 100)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_duplicated_and_reordered_triggers_fire_nothing_twice(house: DeliveryHouse, seed: int) -> None:
    storm(house, seed, 1_000)
