"""The end of a run told anew after retries: its items first, media-wide results where segments say something new, then itself.

A retry writes its segment and enters itself in `Run.mending`; it ends here, in the commit that makes the run agree with it. An
end only ever gets better: what was deleted meanwhile does not make a run fail afterwards.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

from functions.pipeline.settle_run.counting import count, verdict
from functions.pipeline.settle_run.run_tables import want_tables
from shared.domain.events import EventType
from shared.domain.runs import MediaState, Mending, RetryState, Run, RunMedia, RunStatus, SegmentRetry
from shared.domain.tables import WITH_RESULTS
from shared.messaging.messages import BuildTables, SettleRun
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.store.documents import Batch, Store
from shared.store.events import EventHappened, record_run
from shared.work.fan_in import FanIn

AT_ONCE = 200  # retries that end in one commit

EVENT_OF = {
    RunStatus.COMPLETED: EventType.PROMPT_RUN_COMPLETED,
    RunStatus.COMPLETED_WITH_FAILURES: EventType.PROMPT_RUN_PARTIAL_COMPLETED,
    RunStatus.FAILED: EventType.PROMPT_RUN_FAILED,
    RunStatus.CANCELLED: EventType.PROMPT_RUN_CANCELLED,
}
_GOODNESS = {RunStatus.FAILED: 0, RunStatus.COMPLETED_WITH_FAILURES: 1, RunStatus.COMPLETED: 2}


def mend(run: Run, store: Store, queues: Queues, topics: Topics, fan_in: FanIn) -> None:
    """Done again, it goes on where it stopped. Raises `Changed` where a further retry came between."""
    waiting = False
    for video_id in dict.fromkeys(entry["video_id"] for entry in run.mending):
        media = store.get(RunMedia, run.tenant, run.run_id, video_id)
        if media is not None:  # it may have been deleted since
            waiting |= _mend_media(run, media, store, fan_in)
    if waiting:
        return  # the end of the synthesis sends this message again
    fact, tables = _mend_run(run, store)
    if fact is not None:
        topics.publish(fact)
    if tables is not None:
        queues.send(tables, slot=f"mended-{run.version}")
    if run.mending:
        queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot=f"mending-{run.version}")


def _mend_media(run: Run, media: RunMedia, store: Store, fan_in: FanIn) -> bool:
    """Recounts the item; True while its media-wide result is being made anew."""
    if media.status == MediaState.SYNTHESIZING:
        fan_in.send_synthesis(media)
        return True
    counts = fan_in.segment_counts(media)
    values = {**counts, "mends": media.mends + 1, "mended_from": media.status}
    entries = [Mending(**entry) for entry in run.mending]
    if counts["successful_segments"] and any(e.resynthesize for e in entries if e.video_id == media.video_id):
        batch = store.batch()
        fan_in.to_synthesis_in(batch, media, values)
        kept = [replace(e, resynthesize=e.resynthesize and e.video_id != media.video_id) for e in entries]
        batch.change(run, mending=[asdict(entry) for entry in kept])
        batch.commit()
        fan_in.send_synthesis(media)
        return True
    state = fan_in.verdict(run, media, counts)
    if state != media.status or any(getattr(media, name) != number for name, number in counts.items()):
        media.mends, media.mended_from = values["mends"], values["mended_from"]
        fan_in.end_media(run, media, state, values)
    return False


def _mend_run(run: Run, store: Store) -> tuple[EventHappened | None, BuildTables | None]:
    entries, later = run.mending[:AT_ONCE], run.mending[AT_ONCE:]
    tally = count(run, store)
    before, counts, now = RunStatus(run.status), asdict(tally.counts), store.clock()
    status = _better(before, verdict(run.stop_requested, tally))
    if status != RunStatus.FAILED:
        run.error_code = run.error_message = ""
    batch = store.batch()
    fact = None
    if status != before:
        fact = record_run(store, batch, EVENT_OF[status], run, status=status, counts=counts, occurrence="ended")
    batch.change(
        run,
        status=status,
        counts=counts,
        error_code=run.error_code,
        error_message=run.error_message,
        mending=later,
        mended_at=now,
        wake_at=run.wake_at if later else None,
    )
    _end_retries(run, [Mending(**entry) for entry in entries], batch, store)
    tables = want_tables(store, batch, run) if status in WITH_RESULTS else None
    batch.commit()
    return fact, tables


def _better(before: RunStatus, after: RunStatus) -> RunStatus:
    if before not in _GOODNESS or after not in _GOODNESS:
        return before
    return max(before, after, key=_GOODNESS.__getitem__)


def _end_retries(run: Run, entries: Sequence[Mending], batch: Batch, store: Store) -> None:
    ids = [(run.tenant, run.run_id, entry.video_id, entry.segment_id, entry.retry_id) for entry in entries]
    for retry in store.get_all(SegmentRetry, ids):
        state = RetryState.FAILED if retry.error_code else RetryState.COMPLETED
        batch.change(retry, status=state, mending=False, wake_at=None, completed_at=store.clock())
