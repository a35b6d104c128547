"""How far the runs over media items are, read for many items at once."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.videos.deps import Deps
from functions.api.videos.views import run_status
from shared.domain.batches import batched
from shared.domain.media import Video
from shared.domain.runs import Run, RunMedia, SegmentResult

MOST_RUNS = 20  # told of one item
MOST_RUNS_IN_BATCH = 5  # told of each item of a batch
MOST_SEGMENTS = 200  # told of a run that is under way


def of_item(video: Video, deps: Deps) -> list[dict[str, Any]]:
    """The state of the item's latest runs, newest first, with the segments of those under way."""
    return [_status(run, row, deps) for run, row in islice(runs_touching(video, deps), MOST_RUNS)]


def of_items(videos: Sequence[Video], deps: Deps) -> dict[str, list[dict[str, Any]]]:
    """By item: the same of fewer runs, in two reads for each index the items are in."""
    found: dict[str, list[dict[str, Any]]] = {video.video_id: [] for video in videos}
    for index_id in dict.fromkeys(video.index_id for video in videos):
        items = [video for video in videos if video.index_id == index_id]
        runs = list(islice(deps.runs.touching_index(items[0].tenant, index_id), MOST_RUNS))
        ids = [(run.tenant, run.run_id, video.video_id) for run in runs for video in items]
        rows = {(row.run_id, row.video_id): row for row in deps.store.get_all(RunMedia, ids)}
        for video in items:
            touching = ((run, rows[run.run_id, video.video_id]) for run in runs if (run.run_id, video.video_id) in rows)
            found[video.video_id] = [_status(run, row, deps) for run, row in islice(touching, MOST_RUNS_IN_BATCH)]
    return found


def runs_touching(video: Video, deps: Deps) -> Iterator[tuple[Run, RunMedia]]:
    """(run, its row of the item) of each run that has one, newest first."""
    runs = deps.runs.touching_index(video.tenant, video.index_id)
    for page in batched(runs, 100):
        ids = [(video.tenant, run.run_id, video.video_id) for run in page]
        rows = {row.run_id: row for row in deps.store.get_all(RunMedia, ids)}
        yield from ((run, rows[run.run_id]) for run in page if run.run_id in rows)


def _status(run: Run, media: RunMedia, deps: Deps) -> dict[str, Any]:
    rows: list[SegmentResult] = []
    if media.open:
        query = deps.store.collection(SegmentResult, media.tenant, media.run_id, media.video_id)
        still_open = query.where(filter=FieldFilter("open", "==", True)).order_by("ordinal").limit(MOST_SEGMENTS)
        rows = list(deps.store.stream(SegmentResult, still_open))
    return run_status(run, media, rows)
