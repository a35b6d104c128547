"""Recounting a run from its children; ending it, once, when nothing in it is open."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.events import EventType
from shared.domain.runs import MediaState, Run, RunCounts, RunMedia, RunStatus, SegmentResult, SegmentState
from shared.messaging.messages import SettleRun
from shared.messaging.topics import Topics
from shared.store.documents import Changed, Store
from shared.store.events import record_run
from shared.work.fan_in import OPEN, FanIn

RECHECK = timedelta(minutes=5)

_EVENT_OF = {
    RunStatus.COMPLETED: EventType.PROMPT_RUN_COMPLETED,
    RunStatus.COMPLETED_WITH_FAILURES: EventType.PROMPT_RUN_PARTIAL_COMPLETED,
    RunStatus.FAILED: EventType.PROMPT_RUN_FAILED,
    RunStatus.CANCELLED: EventType.PROMPT_RUN_CANCELLED,
}


@dataclass(frozen=True)
class Deps:
    store: Store
    topics: Topics
    fan_in: FanIn


@dataclass(frozen=True)
class Tally:
    counts: RunCounts
    media: Counter[str]  # by state
    new_segments: bool

    @property
    def open(self) -> int:
        return sum(n for state, n in self.media.items() if MediaState(state).is_open)


def settle_run(message: SettleRun, deps: Deps) -> None:
    run = deps.store.get(Run, message.tenant, message.run_id)
    if run is None or RunStatus(run.status).is_terminal:
        return
    if run.stop_requested:
        _observe_stop(run, deps)
    elif not run.planned:
        return
    tally = count(run, deps.store)
    if tally.open:
        _write_progress(run, tally, deps)
    else:
        _finish(run, tally, deps)


def count(run: Run, store: Store) -> Tally:
    """Everything the run's counters say, from its media rows; segments under way are asked of their own rows."""
    numbers = RunCounts(video_level_total_items=0)
    states: Counter[str] = Counter()
    new_segments = False
    for media in store.stream(RunMedia, store.collection(RunMedia, run.tenant, run.run_id)):
        states[media.status] += 1
        new_segments |= media.new_segments
        _add_media(numbers, media)
        _add_video_level(numbers, run, media)
        numbers.total_segments += media.total_segments
        numbers.total_media_seconds = round(numbers.total_media_seconds + media.duration_seconds, 3)
        if media.status == MediaState.PROCESSING:
            _add_open_segments(numbers, media, store)
        else:
            numbers.completed_segments += media.successful_segments + media.failed_segments
            numbers.field_extraction_failures += media.field_extraction_failures
            numbers.transcription_failures += media.transcription_failures
            numbers.image_embedding_failures += media.image_embedding_failures
    return Tally(numbers, states, new_segments)


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


def _add_open_segments(numbers: RunCounts, media: RunMedia, store: Store) -> None:
    rows = store.collection(SegmentResult, media.tenant, media.run_id, media.video_id)
    closed = rows.where(filter=FieldFilter("open", "==", False)).count().get()[0][0].value
    numbers.completed_segments += int(closed)


def _write_progress(run: Run, tally: Tally, deps: Deps) -> None:
    """Only if something moved: an unchanged count writes nothing and tells nobody."""
    counts = asdict(tally.counts)
    if counts == run.counts:
        return
    batch = deps.store.batch()
    batch.change(run, counts=counts, wake_at=deps.store.clock() + RECHECK)
    fact = record_run(
        deps.store, batch, EventType.PROMPT_RUN_PROGRESS, run, status=run.status, counts=counts, occurrence=run.version
    )
    batch.commit()
    deps.topics.publish(fact)


def _finish(run: Run, tally: Tally, deps: Deps) -> None:
    status = verdict(run.stop_requested, tally)
    now = deps.store.clock()
    values = {
        "status": status,
        "counts": asdict(tally.counts),
        "created_new_segments": tally.new_segments,
        "wake_at": None,
        "lease_until": None,
        "completed_at": now,
    }
    if run.stop_requested:
        values["stop_state"] = {**run.stop_state, "completed_at": now}
    if status == RunStatus.FAILED:
        values["error_code"], values["error_message"] = _cause(run, deps.store)
    batch = deps.store.batch()
    run.error_code, run.error_message = values.get("error_code", ""), values.get("error_message", "")
    fact = record_run(deps.store, batch, _EVENT_OF[status], run, status=status, counts=values["counts"], occurrence="ended")
    batch.change(run, **values)
    batch.commit()
    deps.topics.publish(fact)


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


def _cause(run: Run, store: Store) -> tuple[str, str]:
    """Why everything failed: what the first media item says, or a segment of it."""
    failed = FieldFilter("status", "==", MediaState.FAILED)
    media = store.first(RunMedia, store.collection(RunMedia, run.tenant, run.run_id).where(filter=failed))
    if media is None:
        return "", ""
    if media.error_message:
        return media.failure_code, media.error_message
    rows = store.collection(SegmentResult, run.tenant, run.run_id, media.video_id)
    row = store.first(SegmentResult, rows.where(filter=FieldFilter("status", "==", SegmentState.FAILED)))
    return (row.failure_code, row.field_extraction_error) if row else ("", "")


def _observe_stop(run: Run, deps: Deps) -> None:
    """Closes what nobody is working on; what is under way sees the stop itself before its next model call."""
    now = deps.store.clock()
    if not run.stop_state.get("observed_at"):
        batch = deps.store.batch()
        batch.change(run, stop_state={**run.stop_state, "observed_at": now}, wake_at=now + timedelta(seconds=60))
        batch.commit()
    for media in list(deps.store.stream(RunMedia, deps.store.collection(RunMedia, run.tenant, run.run_id).where(filter=OPEN))):
        if media.status == MediaState.PROCESSING:
            _cancel_segments(media, deps)
            deps.fan_in.advance(run, media)
        elif media.lease_until is None or media.lease_until <= now:
            try:
                deps.fan_in.end_media(run, media, MediaState.CANCELLED, {})
            except Changed:
                continue  # its worker was quicker, and sees the stop itself


def _cancel_segments(media: RunMedia, deps: Deps) -> None:
    now = deps.store.clock()
    rows = deps.store.collection(SegmentResult, media.tenant, media.run_id, media.video_id).where(filter=OPEN)
    for row in list(deps.store.stream(SegmentResult, rows)):
        if row.lease_until is not None and row.lease_until > now:
            continue
        batch = deps.store.batch()
        batch.change(row, status=SegmentState.CANCELLED, open=False, wake_at=None, lease_until=None, completed_at=now)
        try:
            batch.commit()
        except Changed:
            continue
