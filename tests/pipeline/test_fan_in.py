"""The last two segments of a media item end at the same time: the item moves on once, in whatever order their calls fall."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from shared.domain.events import Event, EventType
from shared.domain.ids import derived_id, new_id
from shared.domain.media import Video
from shared.domain.runs import MediaState, Run, RunMedia, SegmentResult, SegmentState
from tests.pipeline import scenes
from tests.pipeline.turns import Turns, every_order
from tests.pipeline.world import World, build

WRITE, ASK, READ = "firestore.Commit", "firestore.RunQuery", "firestore.BatchGetDocuments"


@pytest.fixture(scope="module")
def turns() -> Turns:
    return Turns([])


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory, vector_url: str, turns: Turns) -> Iterator[World]:
    made = build(tmp_path_factory.mktemp("fan-in"), "http://127.0.0.1:9", vector_url, turns)
    yield made
    made.close()


def a_run_under_way(world: World, segments: int, video_level: dict | None) -> tuple[Run, Video, list[SegmentResult]]:
    tenant, now = scenes.a_tenant(), world.store.clock()
    stamps = {"created_at": now, "updated_at": now, "tenant": tenant}
    video = Video(**stamps, video_id=new_id("video"), user_id="ada", title="A film", video_uri="gs://originals/x")
    run = scenes.a_run(world, tenant, [video], send=False, video_level=video_level, planned=True)
    media = RunMedia(
        **stamps,
        run_id=run.run_id,
        video_id=video.video_id,
        status=MediaState.PROCESSING,
        total_segments=segments,
        wake_at=now + timedelta(minutes=10),
    )
    rows = [
        SegmentResult(
            **stamps,
            run_id=run.run_id,
            video_id=video.video_id,
            segment_id=derived_id("segment", video.video_id, n),
            ordinal=n,
            status=SegmentState.PROCESSING,
            wake_at=now,
        )
        for n in range(segments)
    ]
    batch = world.store.batch()
    for document in (video, media, *rows):
        batch.create(document)
    batch.commit()
    return run, video, rows


def ending(world: World, run: Run, row: SegmentResult, state: SegmentState) -> Callable[[], None]:
    def work() -> None:
        batch = world.store.batch()
        batch.change(row, status=state, open=False, wake_at=None, field_extraction_succeeded=state == SegmentState.SUCCESSFUL)
        batch.commit()
        world.fan_in.segment_ended(run, row)

    return work


def tasks(world: World, queue: str) -> int:
    parent = f"projects/{world.settings.project_id}/locations/{world.settings.region}/queues/{queue}"
    found = len(world.tasks.list_tasks(parent)[0])
    world.tasks.purge_queue(parent)
    return found


ENDS = {
    "both succeed": (SegmentState.SUCCESSFUL, SegmentState.SUCCESSFUL, MediaState.COMPLETED),
    "one fails": (SegmentState.SUCCESSFUL, SegmentState.FAILED, MediaState.PARTIAL),
}


# Orders of writes with questions and of writes with reads; with all three there are ten times as many.
@pytest.mark.parametrize(("case", "stops"), [("both succeed", (WRITE, ASK)), ("one fails", (WRITE, READ))])
def test_two_last_segments_end_the_item_once_in_every_order_of_their_calls(
    shared_world: World, turns: Turns, case: str, stops: tuple[str, ...]
) -> None:
    world = shared_world
    turns.stop_at(*stops)
    *states, verdict = ENDS[case]

    def play(schedule: Sequence[int]) -> list[tuple[int, list[int]]]:
        run, _, rows = a_run_under_way(world, 2, None)
        workers = [ending(world, run, row, state) for row, state in zip(rows, states, strict=True)]
        steps = turns.play(workers, schedule)
        [media] = scenes.media_of(world, run)
        assert (media.status, media.open, media.wake_at) == (verdict, False, None), steps
        assert media.successful_segments == states.count(SegmentState.SUCCESSFUL)
        assert media.failed_segments == states.count(SegmentState.FAILED)
        events = [e.event_type for e in world.store.stream(Event, world.store.collection(Event, run.tenant))]
        assert events == [EventType.MEDIA_PROCESSING_COMPLETED], steps
        assert tasks(world, "settle-run") == 1, steps
        assert tasks(world, "synthesize-video") == 0
        return steps

    assert every_order(play) > 20


def test_two_last_segments_begin_one_synthesis_in_every_order_of_their_calls(shared_world: World, turns: Turns) -> None:
    world = shared_world
    turns.stop_at(WRITE, ASK, READ)

    def play(schedule: Sequence[int]) -> list[tuple[int, list[int]]]:
        run, _, rows = a_run_under_way(world, 2, scenes.VIDEO_LEVEL)
        steps = turns.play([ending(world, run, row, SegmentState.SUCCESSFUL) for row in rows], schedule)
        [media] = scenes.media_of(world, run)
        assert (media.status, media.open, media.video_level_status) == (MediaState.SYNTHESIZING, True, "pending"), steps
        assert media.wake_at is not None
        assert tasks(world, "synthesize-video") == 1, steps
        assert tasks(world, "settle-run") == 0, steps
        return steps

    assert every_order(play) > 20


def test_a_segment_that_is_not_the_last_moves_nothing(shared_world: World) -> None:
    world = shared_world
    run, _, rows = a_run_under_way(world, 2, None)
    ending(world, run, rows[0], SegmentState.SUCCESSFUL)()
    [media] = scenes.media_of(world, run)
    assert media.status == MediaState.PROCESSING
    assert tasks(world, "settle-run") == 0


def test_every_order_is_every_order() -> None:
    """Two workers of two steps each have six orders, and three of one step as well."""
    turns = Turns(["step"])
    for workers, steps, orders in ((2, 2, 6), (3, 1, 6)):
        seen = set()

        def play(schedule: Sequence[int], workers: int = workers, steps: int = steps, seen: set = seen) -> list:
            done: list[int] = []

            def work(number: int) -> Callable[[], None]:
                def run() -> None:
                    for _ in range(steps):
                        with turns.around("step"):
                            done.append(number)

                return run

            found = turns.play([work(n) for n in range(workers)], schedule)
            seen.add(tuple(done))
            return found

        assert every_order(play) == len(seen) == orders
