"""Messages get lost; the minute's sweep finds whatever waits in vain and sends its message again."""

import pytest

from shared.domain.events import Event
from shared.domain.media import Deletion
from shared.domain.runs import RunMedia, RunStatus, SegmentResult
from shared.messaging.messages import QUEUES
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.requests_of_users import delete
from tests.pipeline.uploads import ingested
from tests.pipeline.world import World

OF_A_RUN = ("plan-run", "cut-segments", "process-segment", "synthesize-video", "settle-run")
PATIENCE = 20  # sweeps until whatever was lost must be made good


def sweep_until_quiet(world: World) -> None:
    for _ in range(PATIENCE):
        world.clock.advance(60)
        world.tick()
        world.deliver()


@pytest.mark.parametrize("stage", OF_A_RUN)
def test_a_run_ends_though_the_first_messages_to_a_stage_are_lost(world: World, gemini: Gemini, stage: str) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: answer({"headline": "x"} if asks_for(body, "headline") else {"program_summary": "y"})
    video = scenes.a_video(world, tenant, films.film(["red", "blue"], seconds_each=1.0))
    run = scenes.a_run(
        world,
        tenant,
        [video],
        video_level=scenes.VIDEO_LEVEL,
        video_segmentation_type="fixed",
        video_segment_duration=1,
    )
    lost = world.lose(stage)
    while world.deliver_due():
        lost += world.lose(stage)
    assert lost
    assert not RunStatus(scenes.again(world, run).status).is_terminal
    sweep_until_quiet(world)
    run = scenes.again(world, run)
    assert run.status == RunStatus.COMPLETED
    assert len(gemini.asked) == 3
    rows = scenes.results_of(world, run, video)
    assert [row.metadata for row in rows] == [{"headline": "x"}] * 2


def test_a_run_ends_though_every_message_but_the_sweeps_own_is_lost(world: World) -> None:
    tenant = scenes.a_tenant()
    run = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.film(["red"], seconds_each=1.0))])
    for _ in range(60):
        world.lose(*QUEUES)
        world.clock.advance(60)
        world.tick()
        world.deliver_due()
        if RunStatus(scenes.again(world, run).status).is_terminal:
            break
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def test_a_deletion_ends_though_its_message_is_lost(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.picture())
    deletion = delete(world, video)
    assert world.lose("purge") == 1
    sweep_until_quiet(world)
    found = world.store.get(Deletion, tenant, deletion.deletion_id)
    assert found is not None and found.status == "deleted"


def test_events_whose_telling_was_lost_are_numbered_all_the_same(world: World) -> None:
    tenant = scenes.a_tenant()
    scenes.a_video(world, tenant, films.picture())
    ingested(world)
    assert world.lose("sequence-events") == 1
    [event] = world.store.stream(Event, world.store.collection(Event, tenant))
    assert event.seq is None
    world.clock.advance(61)
    world.tick()
    world.deliver()
    [event] = world.store.stream(Event, world.store.collection(Event, tenant))
    assert event.seq == 1


def test_an_event_that_others_had_numbered_is_told_all_the_same_when_its_own_word_was_lost(world: World) -> None:
    tenant = scenes.a_tenant()
    scenes.a_video(world, tenant, films.picture())
    ingested(world)
    assert world.lose("sequence-events") == 1
    world.clock.advance(1)
    scenes.a_video(world, tenant, films.picture())
    ingested(world)
    world.deliver()
    lost, heard = sorted(world.store.stream(Event, world.store.collection(Event, tenant)), key=lambda event: event.seq or 0)
    assert (lost.seq, heard.seq) == (1, 2)
    assert (lost.told, heard.told) == (False, True)
    world.clock.advance(61)
    world.tick()
    world.deliver()
    lost, heard = sorted(world.store.stream(Event, world.store.collection(Event, tenant)), key=lambda event: event.seq or 0)
    assert (lost.seq, heard.seq) == (1, 2)
    assert lost.told and heard.told
    world.tick()
    assert world.lose("sequence-events") == 0


def test_an_event_that_is_about_to_be_told_is_not_told_by_the_sweep(world: World) -> None:
    scenes.a_video(world, scenes.a_tenant(), films.picture())
    ingested(world)
    assert world.lose("sequence-events") == 1
    world.tick()
    assert world.lose("sequence-events") == 0


def test_two_sweeps_of_the_same_minute_send_one_message(world: World) -> None:
    tenant = scenes.a_tenant()
    scenes.a_run(world, tenant, [], send=False)
    world.clock.advance(61)
    before = _tasks(world, "plan-run")
    stage = world.stages["tick"]
    _blindly_twice(world, stage)
    assert _tasks(world, "plan-run") - before == 1


def _blindly_twice(world: World, stage) -> None:  # type: ignore[no-untyped-def]
    """Both read the overdue document before either of them has moved its hour."""
    send = world.queues.send
    inside: list[bool] = []

    def send_after_a_twin_did(*args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        if not inside:
            inside.append(True)
            assert stage.receive(b"{}").status == 200
        send(*args, **kwargs)

    world.queues.send = send_after_a_twin_did  # type: ignore[method-assign]
    assert stage.receive(b"{}").status == 200
    world.queues.send = send  # type: ignore[method-assign]


def _tasks(world: World, queue: str) -> int:
    parent = f"projects/{world.settings.project_id}/locations/{world.settings.region}/queues/{queue}"
    return len(world.tasks.list_tasks(parent)[0])


def test_a_sweep_leaves_alone_what_is_not_due_and_what_has_ended(world: World) -> None:
    tenant = scenes.a_tenant()
    ended = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.picture())])
    world.deliver()
    scenes.a_run(world, tenant, [], send=False)
    world.clock.advance(30)
    world.tick()
    assert all(_tasks(world, queue) == 0 for queues in QUEUES.values() for queue in queues)
    assert scenes.again(world, ended).wake_at is None


def test_whatever_is_open_says_when_to_wake_it(world: World) -> None:
    """Looked at after every single message of a run."""
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "blue"], seconds_each=1.0))
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL)
    forgotten: list[str] = []
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        current = scenes.again(world, run)
        rows: list[RunMedia | SegmentResult] = [*scenes.media_of(world, run), *scenes.results_of(world, run, video)]
        forgotten.extend(f"{row.status} {type(row).__name__}" for row in rows if row.open != (row.wake_at is not None))
        if RunStatus(current.status).is_terminal == (current.wake_at is not None):
            forgotten.append(f"{current.status} run")

    for stage in world.stages.values():
        stage.receive = _then(stage.receive, look)  # type: ignore[method-assign]
    world.deliver()
    assert looks > 5
    assert forgotten == []


def _then(receive, look):  # type: ignore[no-untyped-def]
    def both(body: bytes):  # type: ignore[no-untyped-def]
        answered = receive(body)
        look()
        return answered

    return both
