"""Recounting a run from its media rows; segments under way are asked of their own rows."""

from collections import Counter
from dataclasses import dataclass

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.progress import Meter, Pace
from shared.domain.runs import MediaState, Run, RunCounts, RunMedia, RunStatus, SegmentResult
from shared.store.documents import Store


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
    for media in store.stream(RunMedia, store.collection(RunMedia, run.tenant, run.run_id)):
        states[media.status] += 1
        new_segments |= media.new_segments
        _add_media(numbers, media)
        _add_video_level(numbers, run, media)
        ended = _ended_segments(media, store)
        meter.add(media, ended)
        numbers.total_segments += media.total_segments
        numbers.completed_segments += ended
        numbers.total_media_seconds = round(numbers.total_media_seconds + media.duration_seconds, 3)
        for name in ("field_extraction_failures", "transcription_failures", "image_embedding_failures", "reused_segments"):
            setattr(numbers, name, getattr(numbers, name) + getattr(media, name))
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


def _ended_segments(media: RunMedia, store: Store) -> int:
    if media.status != MediaState.PROCESSING:
        return media.successful_segments + media.failed_segments
    rows = store.collection(SegmentResult, media.tenant, media.run_id, media.video_id)
    return int(rows.where(filter=FieldFilter("open", "==", False)).count().get()[0][0].value)
