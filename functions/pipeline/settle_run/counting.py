"""Recounting a run from its media rows; segments under way are counted by the database.

A run may have ten thousand items: of their rows only what counts is read, and above a few items at work their segments are
counted together, in one query over the run.
"""

from collections import Counter
from dataclasses import dataclass

from google.cloud.firestore_v1.base_query import BaseQuery, FieldFilter
from google.cloud.firestore_v1.collection import CollectionReference
from google.cloud.firestore_v1.query import Query

from shared.domain.progress import Meter, Pace
from shared.domain.runs import MediaState, Run, RunCounts, RunMedia, RunStatus, SegmentResult
from shared.store.codec import document_path, field_mask
from shared.store.documents import Store

FEW = 20  # items at work whose segments are counted one by one
_FAILURES = ("field_extraction_failures", "transcription_failures", "image_embedding_failures", "reused_segments")
_COUNTED = (  # of an item's row; the media-wide result on it, which may be large, is left where it is
    "media_type",
    "status",
    "open",
    "new_segments",
    "duration_seconds",
    "total_segments",
    "successful_segments",
    "failed_segments",
    "video_level_status",
    *_FAILURES,
)


@dataclass(frozen=True)
class Tally:
    counts: RunCounts
    media: Counter[str]  # by state
    new_segments: bool
    pace: Pace

    @property
    def open(self) -> int:
        return sum(n for state, n in self.media.items() if MediaState(state).is_open)


def count(run: Run, store: Store) -> Tally:
    """Everything the run's counters say."""
    numbers = RunCounts(video_level_total_items=0)
    states: Counter[str] = Counter()
    meter = Meter()
    new_segments = False
    at_work: list[RunMedia] = []
    rows = store.collection(RunMedia, run.tenant, run.run_id).select(field_mask(RunMedia, _COUNTED))
    for media in store.stream(RunMedia, rows):
        states[media.status] += 1
        new_segments |= media.new_segments
        _add_media(numbers, media)
        _add_video_level(numbers, run, media)
        if media.status == MediaState.PROCESSING:
            at_work.append(media)
        else:
            ended = media.successful_segments + media.failed_segments
            meter.add(media, ended)
            gone = not media.open and not run.stop_requested  # deleted on the way: what is missing never comes
            numbers.total_segments += ended if gone else media.total_segments
            numbers.completed_segments += ended
        numbers.total_media_seconds = round(numbers.total_media_seconds + media.duration_seconds, 3)
        for name in _FAILURES:
            setattr(numbers, name, getattr(numbers, name) + getattr(media, name))
    _add_at_work(numbers, meter, run, at_work, store)
    return Tally(numbers, states, new_segments, meter.pace)


def verdict(stopped: bool, tally: Tally) -> RunStatus:
    """A stop that came after the last item had ended changes nothing."""
    total = sum(tally.media.values())
    if stopped and (tally.media[MediaState.CANCELLED] or not total):
        return RunStatus.CANCELLED
    if total and tally.media[MediaState.FAILED] == total:
        return RunStatus.FAILED
    if tally.media[MediaState.FAILED] or tally.media[MediaState.PARTIAL]:
        return RunStatus.COMPLETED_WITH_FAILURES
    return RunStatus.COMPLETED


def _add_media(numbers: RunCounts, media: RunMedia) -> None:
    noun = f"{media.media_type}s"
    setattr(numbers, f"total_{noun}", getattr(numbers, f"total_{noun}") + 1)
    if not media.open:
        name = f"{media.status}_{noun}"
        setattr(numbers, name, getattr(numbers, name) + 1)


def _add_video_level(numbers: RunCounts, run: Run, media: RunMedia) -> None:
    if not run.video_level:
        return
    numbers.video_level_total_items += 1
    if media.video_level_status in ("completed", "failed", "partial"):
        name = f"video_level_{media.video_level_status}_items"
        setattr(numbers, name, getattr(numbers, name) + 1)


def _add_at_work(numbers: RunCounts, meter: Meter, run: Run, at_work: list[RunMedia], store: Store) -> None:
    """Of many items together it is known how many segments are left, not of which: each is taken to be as far as all are."""
    total = sum(media.total_segments for media in at_work)
    numbers.total_segments += total
    if len(at_work) <= FEW:
        for media in at_work:
            rows = store.collection(SegmentResult, media.tenant, media.run_id, media.video_id)
            ended = _number(rows, open_ones=False)
            meter.add(media, ended)
            numbers.completed_segments += ended
        return
    below = Query(store.db.document(document_path(run)).collection("results"), all_descendants=True)
    ended = max(0, total - _number(below, open_ones=True))  # an item being cut, or stopped, may have open ones that are not meant
    numbers.completed_segments += ended
    for media in at_work:
        meter.add(media, media.total_segments * ended / total if total else 0.0)


def _number(rows: BaseQuery | CollectionReference, *, open_ones: bool) -> int:
    return int(rows.where(filter=FieldFilter("open", "==", open_ones)).count().get()[0][0].value)
