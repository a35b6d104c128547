"""A run's counters come from its rows: exact for few items, and for many without asking each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulators.faults import Faults
from functions.pipeline.settle_run.counting import FEW, count
from shared.domain.runs import MediaState, Run, RunMedia, SegmentResult, SegmentState
from tests.pipeline import scenes
from tests.pipeline.gemini import Gemini
from tests.pipeline.world import World, build


def an_item(world: World, run: Run, n: int, state: MediaState, segments: int, ended: int, **values: Any) -> None:
    """One with so many segments, of which so many have ended: all of them well."""
    now = world.store.clock()
    times: dict[str, Any] = {"created_at": now, "updated_at": now}
    about = {"tenant": run.tenant, "run_id": run.run_id, "video_id": f"vid_{n:03d}"}
    counted = {"total_segments": segments, "successful_segments": 0 if state == MediaState.PROCESSING else ended}
    batch = world.store.batch()
    batch.create(RunMedia(**times, **about, status=state, open=state.is_open, duration_seconds=10.0, **{**counted, **values}))
    for ordinal in range(segments):
        status = SegmentState.SUCCESSFUL if ordinal < ended else SegmentState.PENDING
        place = {"segment_id": f"seg_{ordinal}", "ordinal": ordinal}
        batch.create(SegmentResult(**times, **about, **place, status=status, open=ordinal >= ended))
    batch.commit()


@pytest.fixture
def overheard(tmp_path: Path, gemini: Gemini, vector_url: str) -> Iterator[tuple[World, list[str]]]:
    """A world, and the names of the calls that its store is asked."""
    faults, names = Faults(), list[str]()
    take = faults.take

    def listened(operation: str) -> Any:
        names.append(operation)
        return take(operation)

    faults.take = listened  # type: ignore[method-assign]
    world = build(tmp_path, gemini.url, vector_url, faults)
    yield world, names
    world.close()


@pytest.mark.parametrize("items", [FEW, FEW + 1, 3 * FEW])
def test_segments_under_way_are_counted_exactly(overheard: tuple[World, list[str]], items: int) -> None:
    world, names = overheard
    run = scenes.a_run(world, scenes.a_tenant(), [])
    for n in range(items):
        an_item(world, run, n, MediaState.PROCESSING, 3, n % 3)
    an_item(world, run, items, MediaState.COMPLETED, 2, 2)
    another = scenes.a_run(world, run.tenant, [])
    an_item(world, another, 0, MediaState.PROCESSING, 5, 1)
    names.clear()
    tally = count(run, world.store)
    counts = tally.counts
    assert (counts.total_segments, counts.completed_segments) == (3 * items + 2, sum(n % 3 for n in range(items)) + 2)
    assert 0 < tally.pace.share < 1 and tally.open == items and counts.total_videos == items + 1
    assert names.count("firestore.RunAggregationQuery") == (items if items <= FEW else 1)


@pytest.mark.parametrize("state", [MediaState.CANCELLED, MediaState.FAILED])
def test_segments_of_an_item_that_was_deleted_are_not_waited_for(world: World, state: MediaState) -> None:
    run = scenes.a_run(world, scenes.a_tenant(), [])
    an_item(world, run, 0, MediaState.COMPLETED, 2, 2)
    an_item(world, run, 1, state, 4, 1, successful_segments=1)
    counts = count(run, world.store).counts
    assert (counts.total_segments, counts.completed_segments) == (3, 3)
    stopped = replace(run, stop_state={"requested_at": run.created_at})
    assert count(stopped, world.store).counts.total_segments == 6, "of a run that was stopped it is told what was left"
