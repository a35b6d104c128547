"""Recounting a run from its children; ending it, once, when nothing in it is open; mending its end after retries."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.pipeline.settle_run.counting import Tally, count, verdict
from functions.pipeline.settle_run.mending import EVENT_OF, mend
from functions.pipeline.settle_run.run_tables import want_tables
from shared.domain.events import EventType
from shared.domain.progress import progress
from shared.domain.runs import MediaState, Run, RunMedia, RunStatus, SegmentResult, SegmentState
from shared.domain.tables import WITH_RESULTS
from shared.messaging.messages import BuildTables, SettleRun
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.store.documents import Changed, Store
from shared.store.events import record_run
from shared.work.fan_in import OPEN, FanIn

RECHECK = timedelta(minutes=5)


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    topics: Topics
    fan_in: FanIn


def settle_run(message: SettleRun, deps: Deps) -> None:
    run = deps.store.get(Run, message.tenant, message.run_id)
    if run is None:
        return
    if RunStatus(run.status).is_terminal:
        if run.mending:
            mend(run, deps.store, deps.queues, deps.topics, deps.fan_in)
        elif run.status in WITH_RESULTS:
            deps.queues.send(BuildTables(tenant=run.tenant, run_id=run.run_id), slot="ended")
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


def _write_progress(run: Run, tally: Tally, deps: Deps) -> None:
    """Only if something moved: an unchanged count writes nothing and tells nobody."""
    counts, now = asdict(tally.counts), deps.store.clock()
    if counts == run.counts and run.progress.get("stage") == tally.pace.stage:
        return
    batch = deps.store.batch()
    batch.change(run, counts=counts, progress=progress(tally.pace, run.progress, now), wake_at=now + RECHECK)
    fact = record_run(
        deps.store, batch, EventType.PROMPT_RUN_PROGRESS, run, status=run.status, counts=counts, occurrence=run.version
    )
    batch.commit()
    deps.topics.publish(fact)


def _finish(run: Run, tally: Tally, deps: Deps) -> None:
    status = verdict(run.stop_requested, tally)
    now = deps.store.clock()
    values: dict[str, Any] = {
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
    fact = record_run(deps.store, batch, EVENT_OF[status], run, status=status, counts=values["counts"], occurrence="ended")
    batch.change(run, **values)
    wish = want_tables(deps.store, batch, run) if status in WITH_RESULTS else None
    batch.commit()
    deps.topics.publish(fact)
    if wish is not None:
        deps.queues.send(wish, slot="ended")


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
                deps.fan_in.end_media(run, media, MediaState.CANCELLED, {"lease_until": None})
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
