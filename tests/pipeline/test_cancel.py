"""A run that is told to stop stops: no model is asked any more, and everything in it comes to an end, once."""

import pytest

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.events import Event, EventType
from shared.domain.media import Video
from shared.domain.runs import MediaState, RunStatus, SegmentState
from shared.messaging.messages import SettleRun
from shared.work.claims import LEASE
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer
from tests.pipeline.requests_of_users import cancel
from tests.pipeline.world import World


def kinds(world: World, tenant: str) -> list[str]:
    return [event.event_type for event in world.store.stream(Event, world.store.collection(Event, tenant))]


def test_a_run_cancelled_before_it_is_planned_never_touches_its_media(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video], send=False)
    cancel(world, run)
    world.deliver()
    run = scenes.again(world, run)
    assert run.status == RunStatus.CANCELLED
    assert run.wake_at is None
    assert scenes.media_of(world, run) == []
    assert gemini.asked == []
    assert kinds(world, tenant).count(EventType.PROMPT_RUN_CANCELLED) == 1


def test_a_planning_message_that_comes_after_the_cancel_plans_nothing(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.before["plan-run"] = lambda: cancel(world, run)
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.CANCELLED
    assert gemini.asked == []


def test_a_cancel_while_the_media_is_being_cut_asks_no_model(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "blue"]))
    run = scenes.a_run(world, tenant, [video])
    put = world.objects.put_derived

    def cancelled_meanwhile(name: str, content: bytes, content_type: str) -> str:
        if not scenes.again(world, run).stop_requested:
            cancel(world, run)
        return put(name, content, content_type)

    world.objects.put_derived = cancelled_meanwhile  # type: ignore[method-assign]
    world.deliver()
    run = scenes.again(world, run)
    assert run.status == RunStatus.CANCELLED
    assert gemini.asked == []
    assert [media.status for media in scenes.media_of(world, run)] == [MediaState.CANCELLED]
    assert all(not row.open and row.wake_at is None for row in scenes.results_of(world, run, video))


def test_a_cancel_closes_an_item_whose_worker_died_and_the_lease_of_that_worker_with_it(world: World) -> None:
    tenant = scenes.a_tenant()
    run = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.film(["red"]))])

    def another_dies_over_it() -> None:
        batch = world.store.batch()
        batch.change(scenes.media_of(world, run)[0], attempt=1, lease_until=world.store.clock() + LEASE)
        batch.commit()
        world.clock.advance(2 * LEASE.total_seconds())
        cancel(world, run)
        settle = SettleRun(tenant=tenant, run_id=run.run_id)
        assert world.stages["settle-run"].receive(settle.model_dump_json().encode()).status == 200

    world.before["cut-segments"] = another_dies_over_it
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.CANCELLED
    [media] = scenes.media_of(world, run)
    assert (media.status, media.lease_until, media.wake_at) == (MediaState.CANCELLED, None, None)


def test_a_cancel_during_a_model_call_lets_that_call_end_and_starts_no_other(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "green", "blue"]))
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL)

    def say(body: dict) -> tuple[int, dict]:
        if len(gemini.asked) == 1:
            cancel(world, run)
        return answer({"headline": "the last thing said"})

    gemini.say = say
    world.deliver()
    run = scenes.again(world, run)
    rows = scenes.results_of(world, run, video)
    assert len(gemini.asked) == 1
    assert run.status == RunStatus.CANCELLED
    assert sorted(row.status for row in rows) == [SegmentState.CANCELLED, SegmentState.CANCELLED, SegmentState.SUCCESSFUL]
    assert run.stop_state["observed_at"] >= run.stop_state["requested_at"]
    assert run.stop_state["completed_at"] == run.completed_at
    assert (run.completed_at - run.stop_state["requested_at"]).total_seconds() < 60  # type: ignore[operator]
    found = world.store.get(Video, tenant, video.video_id)
    assert found is not None and found.active_runs == {}


def test_a_cancelled_run_ends_once_however_often_it_is_told(world: World) -> None:
    tenant = scenes.a_tenant()
    run = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.film(["red"]))])
    cancel(world, run)
    cancel(world, run)
    world.deliver()
    for _ in range(3):
        world.clock.advance(600)
        world.tick()
        world.deliver()
    ends = [kind for kind in kinds(world, tenant) if kind.startswith("prompt_run.") and kind != EventType.PROMPT_RUN_STARTED]
    assert ends == [EventType.PROMPT_RUN_CANCELLED]


def test_a_cancel_whose_message_is_lost_takes_effect_all_the_same(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    run = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.film(["red"]))])
    cancel(world, run)
    world.lose("plan-run", "settle-run")
    world.clock.advance(120)
    world.tick()
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.CANCELLED
    assert gemini.asked == []


def test_a_run_that_has_ended_cannot_be_cancelled(world: World) -> None:
    tenant = scenes.a_tenant()
    run = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.film(["red"]))])
    world.deliver()
    with pytest.raises(ApiError) as refused:
        cancel(world, run)
    assert refused.value.code is ErrorCode.CONFLICT
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def test_a_cancel_after_the_last_segment_changes_nothing_of_what_was_found(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: answer({"headline": "found"})
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.before["settle-run"] = lambda: cancel(world, run)
    world.deliver()
    run = scenes.again(world, run)
    assert run.status == RunStatus.COMPLETED
    [row] = scenes.results_of(world, run, video)
    assert row.metadata == {"headline": "found"}
