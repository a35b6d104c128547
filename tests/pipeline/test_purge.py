"""What was deleted is gone: its rows, its objects and its vectors, whatever was under way when it was deleted."""

from collections.abc import Callable
from datetime import datetime

import pytest

from shared.domain.events import Event, EventType
from shared.domain.media import Cut, Deletion, Index, Video
from shared.domain.runs import Run, RunMedia, RunStatus, SegmentResult
from shared.messaging.messages import ProcessSegment, Purge
from shared.work.claims import LEASE
from tests.pipeline import films, remains, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.requests_of_users import delete
from tests.pipeline.uploads import ingested
from tests.pipeline.world import World

FILM = films.film(["red", "blue"], seconds_each=1.0)


@pytest.fixture(autouse=True)
def talkative(gemini: Gemini) -> None:
    gemini.say = lambda body: answer({"headline": "a colour"} if asks_for(body, "headline") else {"program_summary": "two"})


def a_finished_run(world: World, tenant: str, videos: list[Video]) -> Run:
    run = scenes.a_run(world, tenant, videos, video_level=scenes.VIDEO_LEVEL)
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.COMPLETED
    return run


def is_deleted(world: World, deletion: Deletion) -> bool:
    found = world.store.get(Deletion, deletion.tenant, deletion.deletion_id)
    return found is not None and found.status == "deleted" and found.wake_at is None


def sweep(world: World, rounds: int = 8) -> None:
    for _ in range(rounds):
        world.deliver()
        world.clock.advance(60)
        world.tick()
    world.deliver()


def test_nothing_is_left_of_a_deleted_media_item(world: World) -> None:
    tenant = scenes.a_tenant()
    video, other = (scenes.a_video(world, tenant, FILM) for _ in range(2))
    ingested(world, messages=2)
    a_finished_run(world, tenant, [video, other])
    assert remains.vectors(world, tenant, video=video.video_id)
    assert len(remains.objects(world, tenant, about=video.video_id)) > 2
    others = remains.rows(world, tenant, about=other.video_id), remains.vectors(world, tenant, video=other.video_id)

    deletion = delete(world, video)
    sweep(world)
    assert is_deleted(world, deletion)
    assert remains.rows(world, tenant, about=video.video_id) == []
    assert remains.objects(world, tenant, about=video.video_id) == []
    assert remains.vectors(world, tenant, video=video.video_id) == []
    assert (remains.rows(world, tenant, about=other.video_id), remains.vectors(world, tenant, video=other.video_id)) == others


def test_a_worker_that_stood_still_until_the_purge_was_over_takes_away_what_it_writes(world: World, gemini: Gemini) -> None:
    """Its vectors and its line in the log of model calls come after the purge, and nobody else knows of them."""
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.picture("red"))
    ingested(world)
    deletions: list[Deletion] = []

    def say(body: dict) -> tuple[int, dict]:
        if not deletions:
            world.clock.advance(2 * LEASE.total_seconds())
            deletions.append(delete(world, video))
            sweep(world)
            assert is_deleted(world, deletions[0])
        return answer({"headline": "a colour"})

    gemini.say = say
    scenes.a_run(world, tenant, [video])
    world.deliver()
    sweep(world)
    assert deletions
    assert remains.rows(world, tenant, about=video.video_id) == []
    assert "LlmCall" not in remains.rows(world, tenant)
    assert remains.objects(world, tenant, about=video.video_id) == []
    assert remains.vectors(world, tenant, video=video.video_id) == []


def test_segments_of_a_cut_that_nobody_vouched_for_go_too(world: World) -> None:
    """Its worker died between the segments and the cut, and the item was deleted before another came."""
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    ingested(world)
    a_finished_run(world, tenant, [video])
    for cut in world.store.collection(Cut, tenant, video.video_id).list_documents():
        cut.delete()
    deletion = delete(world, video)
    sweep(world)
    assert is_deleted(world, deletion)
    assert remains.rows(world, tenant, about=video.video_id) == []


def test_a_deleted_item_is_out_of_reach_before_anything_of_it_is_removed(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    delete(world, video)
    found = world.store.get(Video, tenant, video.video_id)
    assert found is not None and found.deleted_at is not None


def test_everything_below_a_deleted_index_goes_with_it(world: World) -> None:
    tenant = scenes.a_tenant()
    index, other = scenes.an_index(world, tenant), scenes.an_index(world, tenant)
    videos = [scenes.a_video(world, tenant, FILM, index_id=index.index_id) for _ in range(2)]
    kept = scenes.a_video(world, tenant, FILM, index_id=other.index_id)
    ingested(world, messages=3)
    own = a_finished_run(world, tenant, videos)
    shared = a_finished_run(world, tenant, [videos[0], kept])

    deletion = delete(world, index)
    sweep(world)
    assert is_deleted(world, deletion)
    for video in videos:
        assert remains.rows(world, tenant, about=video.video_id) == []
        assert remains.objects(world, tenant, about=video.video_id) == []
    assert remains.vectors(world, tenant, index=index.index_id) == []
    assert world.store.get(Index, tenant, index.index_id) is None
    assert world.store.get(Run, tenant, own.run_id) is None
    assert world.store.get(Run, tenant, shared.run_id) is not None
    assert remains.vectors(world, tenant, run=shared.run_id)
    assert len(scenes.results_of(world, shared, kept)) == len(scenes.results_of(world, shared, kept)) > 0


def during(world: World, stage: str, act: Callable[[], object]) -> None:
    world.before[stage] = lambda: act()


@pytest.mark.parametrize("stage", ["plan-run", "cut-segments", "process-segment", "synthesize-video", "settle-run"])
@pytest.mark.parametrize("whole_index", [False, True])
def test_a_deletion_while_a_run_is_under_way_ends_both(world: World, stage: str, whole_index: bool) -> None:
    tenant = scenes.a_tenant()
    index = scenes.an_index(world, tenant)
    video = scenes.a_video(world, tenant, FILM, index_id=index.index_id)
    ingested(world)
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL)
    begun: list[Deletion] = []
    during(world, stage, lambda: begun.append(delete(world, index if whole_index else video)))
    sweep(world)
    assert is_deleted(world, begun[0])
    assert remains.rows(world, tenant, about=video.video_id) == []
    assert remains.objects(world, tenant, about=video.video_id) == []
    assert remains.vectors(world, tenant, video=video.video_id) == []
    if not whole_index:
        ended = scenes.again(world, run)
        assert RunStatus(ended.status).is_terminal and ended.wake_at is None
        assert ended.counts["total_segments"] == ended.counts["completed_segments"], "nothing is waited for that never comes"


def test_a_deletion_in_the_middle_of_cutting_leaves_nothing_the_cutter_wrote_after(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    ingested(world)
    world.deliver()
    scenes.a_run(world, tenant, [video], video_segmentation_type="fixed", video_segment_duration=1)
    put = world.objects.put_derived
    begun: list[Deletion] = []

    def deleted_meanwhile(name: str, content: bytes, content_type: str) -> str:
        if not begun:
            begun.append(delete(world, video))
            message = Purge(tenant=tenant, deletion_id=begun[0].deletion_id)
            world.stages["purge"].receive(message.model_dump_json().encode())
        return put(name, content, content_type)

    world.objects.put_derived = deleted_meanwhile  # type: ignore[method-assign]
    sweep(world)
    assert is_deleted(world, begun[0])
    assert remains.rows(world, tenant, about=video.video_id) == []
    assert remains.objects(world, tenant, about=video.video_id) == []


def test_a_deletion_in_the_middle_of_a_model_call_leaves_nothing_it_led_to(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    ingested(world)
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL)
    begun: list[Deletion] = []

    def say(body: dict) -> tuple[int, dict]:
        if asks_for(body, "program_summary") and not begun:
            begun.append(delete(world, video))
            message = Purge(tenant=tenant, deletion_id=begun[0].deletion_id)
            world.stages["purge"].receive(message.model_dump_json().encode())
        return answer({"headline": "a colour"} if asks_for(body, "headline") else {"program_summary": "two"})

    gemini.say = say
    sweep(world)
    assert is_deleted(world, begun[0])
    assert remains.rows(world, tenant, about=video.video_id) == []
    assert remains.vectors(world, tenant, video=video.video_id) == []
    assert [kind for kind in remains.rows(world, tenant) if kind == "LlmCall"] == []
    assert RunStatus(scenes.again(world, run).status).is_terminal


def test_an_index_deleted_while_its_run_is_being_planned_leaves_no_rows_behind(world: World) -> None:
    tenant = scenes.a_tenant()
    index = scenes.an_index(world, tenant)
    video = scenes.a_video(world, tenant, FILM, index_id=index.index_id)
    ingested(world)
    scenes.a_run(world, tenant, [video])
    clock = world.store.clock
    begun: list[Deletion] = []

    def deleted_meanwhile() -> datetime:
        if "RunMedia" in remains.rows(world, tenant) and world.store.clock is deleted_meanwhile:
            world.store.clock = clock
            begun.append(delete(world, index))
            for _ in range(3):
                for deletion in world.store.stream(Deletion, world.store.collection(Deletion, tenant)):
                    message = Purge(tenant=tenant, deletion_id=deletion.deletion_id)
                    world.stages["purge"].receive(message.model_dump_json().encode())
        return clock()

    world.store.clock = deleted_meanwhile
    sweep(world, rounds=12)
    assert is_deleted(world, begun[0])
    assert remains.rows(world, tenant) == []


def test_a_worker_that_still_holds_a_segment_is_waited_for(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    run = a_finished_run(world, tenant, [video])
    row = scenes.results_of(world, run, video)[0]
    holding = world.stages["process-segment"]
    batch = world.store.batch()
    until = world.store.clock()
    batch.change(row, lease_until=until.replace(year=until.year + 1))
    batch.commit()
    deletion = delete(world, video)
    answered = world.stages["purge"].receive(Purge(tenant=tenant, deletion_id=deletion.deletion_id).model_dump_json().encode())
    assert answered.status == 429
    assert world.store.get(SegmentResult, tenant, run.run_id, video.video_id, row.segment_id) is not None
    assert holding is world.stages["process-segment"]


def test_deleting_again_finds_the_deletion_of_the_first_time(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.picture())
    first, second = delete(world, video), delete(world, video)
    assert first.deletion_id == second.deletion_id
    sweep(world)
    assert is_deleted(world, first)
    answered = world.stages["purge"].receive(Purge(tenant=tenant, deletion_id=first.deletion_id).model_dump_json().encode())
    assert answered.status == 200
    assert is_deleted(world, first)


def test_an_item_of_a_deleted_index_that_was_deleted_before_is_deleted_once(world: World) -> None:
    tenant = scenes.a_tenant()
    index = scenes.an_index(world, tenant)
    video = scenes.a_video(world, tenant, films.picture(), index_id=index.index_id)
    delete(world, video)
    deletion = delete(world, index)
    sweep(world)
    assert is_deleted(world, deletion)
    assert len(list(world.store.stream(Deletion, world.store.collection(Deletion, tenant)))) == 2
    assert remains.rows(world, tenant) == []


def test_messages_about_what_is_gone_are_taken_and_do_nothing(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    run = a_finished_run(world, tenant, [video])
    row = scenes.results_of(world, run, video)[0]
    delete(world, video)
    sweep(world)
    late = ProcessSegment(tenant=tenant, run_id=run.run_id, video_id=video.video_id, segment_id=row.segment_id)
    assert world.stages["process-segment"].receive(late.model_dump_json().encode()).status == 200
    assert world.store.get(RunMedia, tenant, run.run_id, video.video_id) is None
    ends = [e.event_type for e in world.store.stream(Event, world.store.collection(Event, tenant))]
    assert ends.count(EventType.PROMPT_RUN_COMPLETED) == 1
