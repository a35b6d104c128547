"""Workers of imports, exports, automations and deliveries that die at any call: each ends once, as if nobody had died.

A clean performance is recorded call by call; then it is repeated with a worker killed right before or right after one of them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.automations import Automation
from shared.domain.events import Event
from shared.domain.exports import Export
from shared.domain.imports import ImportJob, SourceFile
from shared.domain.media import Video
from shared.domain.runs import Run
from tests.api.receiver import Receiver, Said
from tests.pipeline.films import picture
from tests.pipeline.gemini import Gemini
from tests.pipeline.import_house import a_sound
from tests.pipeline.mortality import Call, Death, Mortality
from tests.pipeline.post_office import PostOffice
from tests.pipeline.stores import ConnectorHouse
from tests.pipeline.test_automations import a_prompt, drop, put
from tests.pipeline.world import build

ROUNDS = 10  # of the minute's sweep, at most
HARBOUR = {"headline": "Harbour at dawn"}
Outcome = dict[str, Any]
Story = Callable[["Play"], Callable[[], Outcome | None]]


class Play:
    """One story told again and again in one world; `tell` begins it and gives what looks at the end, once that is there."""

    def __init__(self, folder: Path, gemini: Gemini, vector_url: str) -> None:
        self.mortality = Mortality()
        self.world = build(folder, gemini.url, vector_url, self.mortality)
        self.house = ConnectorHouse(self.world)
        self.mortality.employ(self.world.stages)

    def perform(self, story: Story, death: Death | None = None) -> Outcome | None:
        """None where the worker that was to die never made the call: how often progress is told depends on the moment."""
        world = self.world
        world.clock.now = 60.0 * (world.clock.now // 60.0 + 1)
        self.began = world.store.clock()
        self.mortality.begin()
        look = story(self)
        self.mortality.begin(death)
        world.deliver(horizon=310.0)
        for _ in range(ROUNDS):
            world.clock.advance(60)
            world.tick()
            world.deliver(horizon=0.0)
            if look() is not None:
                break
        died = self.mortality.doom is None
        for _ in range(2):  # whatever still comes changes nothing
            world.clock.advance(400)
            world.tick()
            world.deliver(horizon=0.0)
        found = look()
        assert found is not None, f"it does not end: {death}"
        return found if died else None

    def rows(self, kind: type[Any], *ids: str, **having: Any) -> list[Any]:
        query: Any = self.world.store.collection(kind, self.house.tenant, *ids)
        for name, value in having.items():
            query = query.where(filter=FieldFilter(name, "array_contains" if name.endswith("ids") else "==", value))
        return list(self.world.store.stream(kind, query))

    def events(self, *about: str) -> dict[str, int]:
        """Of the resources with these ids, whatever progress is told."""
        log = self.world.store.collection(Event, self.house.tenant)
        rows = self.world.store.stream(Event, log.where(filter=FieldFilter("created_at", ">=", self.began)))
        found = [one for one in rows if any(value in about for value in one.payload.values() if isinstance(value, str) and value)]
        assert all(one.seq for one in found)
        return dict(Counter(one.event_type for one in found if not one.event_type.endswith("progress")))


def an_import(play: Play) -> Callable[[], Outcome | None]:
    """Two files that are media and one that is none."""
    house = play.house
    index, bucket = house.index(), f"customer-{play.world.clock.now:.0f}"
    connector = house.connector(bucket)
    drop(house, "in/a.wav", a_sound(0.1), bucket)
    drop(house, "in/b.wav", a_sound(0.2), bucket)
    drop(house, "in/c.wav", b"no sound at all", bucket)
    asked = house.call("POST", "/import-jobs", {"connector_id": connector.connector_id, "index_id": index.index_id})
    job_id = asked.json["job_id"]

    def look() -> Outcome | None:
        job = play.world.store.get(ImportJob, house.tenant, job_id)
        assert job is not None
        if job.completed_at is None or job.wake_at is not None:
            return None
        files = play.rows(SourceFile, job_id)
        videos = play.rows(Video, index_id=index.index_id)
        originals = {name for one in videos for name in house.files(f"media/{house.tenant}/{one.video_id}/", "originals")}
        return {
            "job": (job.status, job.total_files, job.imported, job.failed, job.skipped, len(job.video_ids)),
            "files": sorted((one.path, one.status, one.error_code, one.open, one.wake_at) for one in files),
            "videos": sorted((one.title, one.size_bytes) for one in videos),
            "originals": len(originals),
            "events": play.events(job_id),
            "media events": play.events(*(one.video_id for one in videos)),
        }

    return look


def an_export(play: Play) -> Callable[[], Outcome | None]:
    """Of a run, to the customer's own storage."""
    house, bucket = play.house, f"customer-{play.world.clock.now:.0f}"
    connector, video = house.connector(bucket), house.video()
    run = house.run([(video, [HARBOUR, HARBOUR])])
    body = {"destination_connector_id": connector.connector_id}
    export_id = house.call("POST", f"/exports/prompt-run/{run.run_id}", body).json["export_id"]

    def look() -> Outcome | None:
        export = house.stored(export_id)
        if export.completed_at is None or export.wake_at is not None:
            return None
        names = house.files("", bucket)
        kept = [json.loads(play.world.objects._client.bucket(bucket).blob(name).download_as_bytes()) for name in names]
        return {
            "export": (export.status, export.error_message, export.lease_until),
            "files": [(one["totals"]["segments"], len(one["media"])) for one in kept],
            "own files": len(house.files(f"exports/{house.tenant}/{export_id}")),
            "events": play.events(export_id),
        }

    return look


def automations(play: Play) -> Callable[[], Outcome | None]:
    """What is new in a bucket is imported, run over, and its run exported."""
    house, bucket = play.house, f"customer-{play.world.clock.now:.0f}"
    for one in play.rows(Automation, status="active"):  # of the performance before: it has nothing more to say
        house.call("POST", f"/indexes/{one.index_id}/automations/{one.kind}/pause")
    index, connector, prompt = house.index(), house.connector(bucket), a_prompt(house)
    drop(house, "in/a.png", picture(), bucket)
    preset = {"prompt_id": prompt.prompt_id, "enable_transcription": False}
    put(house, index, connector, source_prefix="in/", debounce_interval="5m", prompt_preset=preset)
    put(house, index, connector, "export", destination_subpath="out")

    def look() -> Outcome | None:
        own = play.rows(Automation, index_id=index.index_id)
        exports = play.rows(Export, target_id=index.index_id)
        if not exports or any(one.completed_at is None for one in exports) or any(one.job_id for one in own):
            return None
        runs = play.rows(Run, index_ids=index.index_id)
        return {
            "automations": sorted((one.kind, one.last_error, one.lease_until, one.failures) for one in own),
            "jobs": [(one.status, one.imported, one.execution) for one in _of(play, index.index_id)],
            "videos": [one.title for one in play.rows(Video, index_id=index.index_id)],
            "runs": [(one.status, len(one.target["video_ids"])) for one in runs],
            "exports": [one.status for one in exports],
            "files": len(house.files("out/", bucket)),
        } | {"events": play.events(*(one.run_id for one in runs), *(one.export_id for one in exports))}

    return look


def _of(play: Play, index_id: str) -> list[ImportJob]:
    jobs = play.rows(ImportJob, index_id=index_id)
    for one in jobs:
        one.execution = {name: value for name, value in one.execution.items() if name != "run_id"}
    return jobs


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory, _gemini: Gemini, vector_url: str) -> Iterator[Play]:
    _gemini.reset()
    made = Play(tmp_path_factory.mktemp("connector-crashes"), _gemini, vector_url)
    yield made
    made.world.close()


STORIES = {
    "import": (an_import, ("scan-import", "import-file")),
    "export": (an_export, ("build-export",)),
    "automations": (automations, ("react-automations", "run-automation")),
}


@dataclass(frozen=True)
class Clean:
    outcome: Outcome
    calls: list[Call]


@pytest.fixture(scope="module")
def clean(play: Play) -> dict[str, Clean]:
    return {name: Clean(play.perform(story) or {}, play.mortality.calls) for name, (story, _) in STORIES.items()}


def test_the_clean_stories_are_whole_ones(clean: dict[str, Clean]) -> None:
    told = clean["import"].outcome
    assert told["job"] == ("completed", 3, 2, 1, 0, 2) and told["originals"] == len(told["videos"]) == 2
    assert told["events"] == {"import_job.started": 1, "import_job.partial_completed": 1}
    assert told["media events"] == {"media.created": 2}
    told = clean["export"].outcome
    assert (told["export"][0], told["files"], told["events"]) == ("completed", [(2, 1)], {"export.ready": 1})
    told = clean["automations"].outcome
    assert (told["jobs"][0][:2], told["runs"], told["exports"]) == (("completed", 1), [("completed", 1)], ["completed"])
    assert told["files"] == 1 and told["events"]["export.ready"] == told["events"]["prompt_run.completed"] == 1
    assert all({call.stage for call in clean[name].calls} >= set(stages) for name, (_, stages) in STORIES.items())


SHORT = [("import", 10), ("export", 8), ("automations", 24)]


@pytest.mark.parametrize(("name", "every"), [*SHORT, *(pytest.param(name, 1, marks=pytest.mark.long) for name in STORIES)])
def test_a_worker_killed_at_any_call_changes_nothing_of_how_it_ends(
    play: Play, clean: dict[str, Clean], name: str, every: int
) -> None:
    story, stages = STORIES[name]
    wrong, died = [], 0
    doomed = deaths(clean[name].calls, stages)[::every]
    for death in doomed:
        ended = play.perform(story, death)
        if ended is None:
            continue
        died += 1
        wrong += [
            f"{death}: {key} {ended[key]} instead of {was}" for key, was in clean[name].outcome.items() if ended[key] != was
        ]
    assert wrong == []


def deaths(calls: list[Call], stages: tuple[str, ...]) -> list[Death]:
    """Each call once before and once after; in such an order that every other one has both kinds, and calls of all sorts."""
    own = list(dict.fromkeys(call for call in calls if call.stage in stages))
    before, after = ([Death(call, moment) for call in own] for moment in ("before", "after"))  # type: ignore[arg-type]
    return [one for number, pair in enumerate(zip(before, after, strict=True)) for one in (pair if number % 2 else pair[::-1])]


def deliver(folder: Path, death: Death | None = None) -> tuple[Outcome, list[Call]]:
    """An event to two receivers, one of which fails once."""
    mortality, answers = Mortality(), iter([Said(503)])
    office = PostOffice(folder, faults=mortality)
    mortality.employ(office.stages)
    well, sick = Receiver(), Receiver(lambda _: next(answers, Said()))
    try:
        for receiver in (well, sick):
            office.webhook(receiver.url)
        event_id = office.event()
        mortality.begin(death)
        for _ in range(ROUNDS):
            office.deliver(horizon=400)
            office.clock.advance(60)
            office.tick()
        assert mortality.doom is None, f"nobody died: {death}"  # here every call has its moment
        found = office.deliveries()
        rows = [row for one in found for row in one.attempt_log]
        arrived = [got for receiver in (well, sick) for got in receiver.received]
        assert sorted(row["attempt_id"] for row in rows if row["attempt_id"] in office.posting.begun) == sorted(
            office.posting.begun
        )
        assert {got.headers["webhook-id"] for got in arrived} == {event_id}
        assert {got.headers["x-delivery-attempt-id"] for got in arrived} <= {row["attempt_id"] for row in rows}
        outcome = {
            "deliveries": sorted((one.status, one.wake_at, one.lease_until, one.next_retry_at) for one in found),
            "delivered": Counter(row["outcome"] for row in rows)["delivered"],
            "under way": Counter(row["outcome"] for row in rows)["under_way"],
            "logged": all(one.attempts == len(one.attempt_log) for one in found),
            "extra": max(0, len(arrived) - 4),  # one attempt more at most for one death
        }
        return outcome, mortality.calls
    finally:
        well.stop()
        sick.stop()


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.long)])
def test_a_worker_killed_at_any_call_of_a_delivery_leaves_one_outcome_and_a_true_log(tmp_path: Path, every: int) -> None:
    def folder(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    clean, calls = deliver(folder("clean"))
    assert (clean["deliveries"], clean["delivered"]) == ([("delivered", None, None, None)] * 2, 2)
    doomed = deaths(calls, ("fan-out-webhooks", "deliver-webhook"))[::every]
    assert len(doomed) >= 5
    wrong = []
    for number, death in enumerate(doomed):
        ended, _ = deliver(folder(str(number)), death)
        wrong += [f"{death}: {key} {ended[key]} instead of {was}" for key, was in clean.items() if ended[key] != was]
    assert wrong == []
