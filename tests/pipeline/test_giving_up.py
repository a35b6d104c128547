"""Work whose attempts are used up ends where the user sees it, or begins anew; it never stays half done."""

import threading
from pathlib import Path

import pytest

from emulators.faults import Fault, Faults
from shared.domain.events import Event, EventType
from shared.domain.media import Deletion
from shared.domain.runs import Run, RunStatus
from shared.work import claims
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini
from tests.pipeline.requests_of_users import delete
from tests.pipeline.world import World, build

FILM = films.film(["red"])


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def faulty(tmp_path: Path, gemini: Gemini, vector_url: str, faults: Faults):  # type: ignore[no-untyped-def]
    made = build(tmp_path, gemini.url, vector_url, faults)
    yield made
    made.close()


def _sweep(world: World, minutes: int) -> None:
    for _ in range(minutes):
        world.clock.advance(60)
        world.tick()
        world.deliver(horizon=60)


def test_a_deletion_that_failed_for_hours_still_ends(faulty: World, faults: Faults) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(faulty, tenant, FILM)
    scenes.a_run(faulty, tenant, [video])
    faulty.deliver()
    faults.order(Fault("vectors.removeDatapoints", times=10_000))
    deletion = delete(faulty, video)
    _sweep(faulty, 40)
    found = faulty.store.get(Deletion, tenant, deletion.deletion_id)
    assert found is not None and found.status == "deleting"
    faults.clear()
    _sweep(faulty, 20)
    found = faulty.store.get(Deletion, tenant, deletion.deletion_id)
    assert found is not None and found.status == "deleted"


def test_a_run_that_cannot_be_planned_ends_failed_with_one_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.pipeline.plan_run import planning

    def broken(*_: object) -> None:
        raise OSError("the disk of the world is full")

    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    world.deliver()
    monkeypatch.setattr(planning, "_write_rows", broken)
    run = scenes.a_run(world, tenant, [video])
    _sweep(world, 30)
    run = scenes.again(world, run)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "attempts_exhausted")
    assert run.wake_at is None and run.lease_until is None
    kinds = [row.event_type for row in world.store.stream(Event, world.store.collection(Event, tenant))]
    assert kinds.count(EventType.PROMPT_RUN_FAILED) == 1


def test_a_renewal_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "AGAIN_SECONDS", 0.01)
    beats: list[int] = []
    enough = threading.Event()

    def beat() -> None:
        beats.append(1)
        if len(beats) == 1:
            raise ConnectionError("unavailable once")
        enough.set()

    with claims.thread_heartbeat(beat, 0.01):
        assert enough.wait(10)


def test_a_run_over_two_indexes_goes_with_the_last_of_them(world: World) -> None:
    tenant = scenes.a_tenant()
    indexes = [scenes.an_index(world, tenant), scenes.an_index(world, tenant)]
    videos = [scenes.a_video(world, tenant, FILM, index_id=index.index_id) for index in indexes]
    run = scenes.a_run(world, tenant, videos)
    world.deliver()
    delete(world, indexes[0])
    _sweep(world, 5)
    assert world.store.get(Run, tenant, run.run_id) is not None
    delete(world, indexes[1])
    _sweep(world, 5)
    assert world.store.get(Run, tenant, run.run_id) is None
