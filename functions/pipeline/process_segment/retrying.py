"""Another try at what failed of one segment: only that is asked again, and the row changes only for the better.

The retry holds the lease; the row is fenced by its revision, and knows the one retry under way. Once the row is written, the run
lists the retry in `mending`, and `settle-run` makes item, run and retry agree with it.
"""

from dataclasses import asdict, replace

from functions.pipeline.process_segment.deps import Deps
from functions.pipeline.process_segment.indexing import Findings, Indexing
from functions.pipeline.process_segment.operations import Operations, Outcome, Outcomes
from functions.pipeline.process_segment.reusing import remember_in
from functions.pipeline.process_segment.values import (
    extraction_values,
    failure_values,
    gravest,
    operation_values,
    transcription_values,
)
from shared.domain.failures import OPERATIONS, FailureCode
from shared.domain.media import Video
from shared.domain.runs import Mending, RetryState, Run, SegmentResult, SegmentRetry, SegmentState
from shared.inference.ledger import Ledger
from shared.messaging.messages import SettleRun
from shared.vectors.ids import text_ids
from shared.vectors.texts import MAX_TEXTS
from shared.work.claims import LEASE, MAX_FAILURES, WAKE_GRACE, Claim
from shared.work.outcomes import GiveUp, LeaseLost, Retry

_TRIES = 5  # at a commit that retries of other segments of the run may come before


def retry_segment(run: Run, row: SegmentResult, retry_id: str, deps: Deps) -> None:
    retry = deps.store.get(SegmentRetry, row.tenant, row.run_id, row.video_id, row.segment_id, retry_id)
    if retry is None or RetryState(retry.status).is_terminal:
        return
    if not retry.mending:
        _work(run, row, retry, deps)
    if retry.mending:
        deps.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot=f"{retry_id}-{retry.attempt}")


def _work(run: Run, row: SegmentResult, retry: SegmentRetry, deps: Deps) -> None:
    started = retry.started_at or deps.store.clock()
    try:
        with deps.claims.hold(retry, status=RetryState.PROCESSING, started_at=started) as claim:
            video = deps.store.get(Video, row.tenant, row.video_id)
            if video is None or video.deleted_at is not None:
                raise GiveUp(FailureCode.MEDIA_DELETED, "the media was deleted")
            _take_number(row, deps)
            last = retry.failures + 1 >= MAX_FAILURES
            outcomes = _perform(run, video, row, retry, last, deps)
            _write(run, row, claim, outcomes, last, deps)
    except GiveUp as reason:
        batch = deps.store.batch()
        batch.change(row, retry_id="")
        batch.change(retry, lease_until=None, **_failed(reason, deps))
        batch.commit()


def _take_number(row: SegmentResult, deps: Deps) -> None:
    """Vectors of two workers never share a number; raises `Changed` if another one is at the row."""
    batch = deps.store.batch()
    batch.change(row, attempt=row.attempt + 1)
    batch.commit()


def _perform(run: Run, video: Video, row: SegmentResult, retry: SegmentRetry, last: bool, deps: Deps) -> Outcomes:
    """What did not succeed before; an operation that does not apply asks nobody."""
    wanted = [name for name in OPERATIONS if getattr(row, f"{name}_succeeded") is not True]

    def never() -> None:
        """The run has ended: nothing can tell it to stop."""

    ledger = Ledger(deps.store, deps.models, run, never, occasion=retry.retry_id)
    return Operations(run, video, row, ledger, deps.models, deps.objects, never, last, deps.pool, wanted).perform()


def _write(run: Run, row: SegmentResult, claim: Claim[SegmentRetry], outcomes: Outcomes, last: bool, deps: Deps) -> None:
    said = _said_anew(outcomes)
    indexed = bool(said) or row.vector_attempt == 0
    findings = Findings(*(said.get(name, getattr(row, name)) for name in ("metadata", "metadata_text", "transcript")))
    unindexed = Indexing(deps.models, deps.vectors, lambda: None, last).write(
        run, row, findings if indexed else None, outcomes.picture
    )
    if unindexed.texts:
        raise unindexed.texts  # the row stays as it was: what cannot be found would be no improvement
    if unindexed.picture:
        outcomes = replace(outcomes, picture=Outcome(failure=unindexed.picture))
    reason = gravest(outcomes, None)
    gained = [name for name, outcome in outcomes.by_name().items() if outcome.succeeded]
    if reason is not None and not gained:
        raise reason
    values = said | failure_values(reason) | {"retry_id": "", "completed_at": deps.store.clock()}
    for name, outcome in outcomes.by_name().items():
        values |= operation_values(name, outcome) if outcome.succeeded is not None else {}
    if values.get("field_extraction_succeeded", row.field_extraction_succeeded):
        values["status"] = SegmentState.SUCCESSFUL
    changed = "transcription" in gained or values.get("status", row.status) != row.status
    resynthesize = changed and bool(run.video_level) and not run.stop_requested
    previous = row.vector_attempt if indexed else 0
    if indexed:
        values["vector_attempt"] = row.attempt
    _commit(run, row, claim, values, reason, resynthesize, deps)
    if previous:
        deps.vectors.remove(text_ids(row.run_id, row.video_id, row.segment_id, previous, MAX_TEXTS))


def _said_anew(outcomes: Outcomes) -> dict:
    values = extraction_values(outcomes.extraction) if outcomes.extraction.value else {}
    return values | (transcription_values(outcomes.transcription) if outcomes.transcription.value else {})


def _commit(
    run: Run,
    row: SegmentResult,
    claim: Claim[SegmentRetry],
    values: dict,
    reason: GiveUp | None,
    resynthesize: bool,
    deps: Deps,
) -> None:
    """Row, retry and run in one commit; where only the run was changed by another retry, it is read again."""
    retry = claim.document
    attempt = retry.attempt
    entry = Mending(row.video_id, row.segment_id, retry.retry_id, resynthesize)
    ended = {f"{name}_succeeded": values.get(f"{name}_succeeded", getattr(row, f"{name}_succeeded")) for name in OPERATIONS}
    ended |= _reason_values(reason) if reason is not None else {}
    for _ in range(_TRIES):
        batch = deps.store.batch()
        batch.change(row, **values)
        batch.change(run, mending=[*run.mending, asdict(entry)], wake_at=deps.store.clock() + LEASE + WAKE_GRACE)
        if reason is None:
            remember_in(batch, run, row, deps.store)
        try:
            claim.commit(batch, mending=True, wake_at=None, **ended)
            return
        except LeaseLost:
            current = deps.store.get(Run, run.tenant, run.run_id)
            held = deps.store.get(SegmentRetry, row.tenant, row.run_id, row.video_id, row.segment_id, retry.retry_id)
            if current is None or current.version == run.version or held is None or held.attempt != attempt:
                raise
            run = current
    raise Retry("retries of other segments of the run came between")


def _failed(reason: GiveUp, deps: Deps) -> dict:
    return {
        "status": RetryState.FAILED,
        **_reason_values(reason),
        "wake_at": None,
        "completed_at": deps.store.clock(),
    }


def _reason_values(reason: GiveUp) -> dict:
    return {
        "error_code": reason.code,
        "error_message": reason.message,
        "failure_stage": reason.stage,
        "retryable": reason.retryable,
    }
