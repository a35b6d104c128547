"""One segment of one run: ask the models, make it searchable, write what came of it, and close the item after the last."""

from dataclasses import replace

from functions.pipeline.process_segment.deps import Deps
from functions.pipeline.process_segment.indexing import Findings, Indexing
from functions.pipeline.process_segment.operations import Operations, Outcome, Outcomes
from functions.pipeline.process_segment.retrying import retry_segment
from functions.pipeline.process_segment.reusing import find_earlier, outcomes_of, remember_in
from functions.pipeline.process_segment.values import (
    extraction_values,
    failure_values,
    gravest,
    operation_values,
    transcription_values,
)
from shared.domain.failures import FailureCode
from shared.domain.media import Video
from shared.domain.runs import FailureStage, Run, SegmentResult, SegmentState
from shared.inference.ledger import Ledger
from shared.messaging.messages import ProcessSegment
from shared.vectors.ids import image_id, text_ids
from shared.vectors.texts import MAX_TEXTS
from shared.work.claims import MAX_FAILURES, Claim
from shared.work.deleted import forget_calls, forget_derived, undone_if_deleted
from shared.work.outcomes import GiveUp
from shared.work.stopping import GRACE, Stopped, stop_check


def process_segment(message: ProcessSegment, deps: Deps) -> None:
    run = deps.store.get(Run, message.tenant, message.run_id)
    row = deps.store.get(SegmentResult, message.tenant, message.run_id, message.video_id, message.segment_id)
    if run is None or row is None:
        return
    with undone_if_deleted(row.tenant, row.video_id, deps.store, lambda: _forget(row, deps)):
        if message.retry_id:
            retry_segment(run, row, message.retry_id, deps)
            return
        if row.open:
            _work(run, row, deps)
    deps.fan_in.segment_ended(run, row)
    deps.fan_in.tell_progress(run)


def _forget(row: SegmentResult, deps: Deps) -> None:
    """What this worker wrote beside the row, under the row's attempt."""
    texts = text_ids(row.run_id, row.video_id, row.segment_id, row.attempt, MAX_TEXTS)
    deps.vectors.remove([*texts, image_id(row.video_id, row.cut_id, row.segment_id)])
    forget_derived(row.tenant, row.video_id, deps.objects)
    forget_calls(row.tenant, "video_id", row.video_id, deps.store)


def _work(run: Run, row: SegmentResult, deps: Deps) -> None:
    started = row.started_at or deps.store.clock()
    try:
        with deps.claims.hold(row, status=SegmentState.PROCESSING, started_at=started) as claim:
            video = deps.store.get(Video, row.tenant, row.video_id)
            if video is None or video.deleted_at is not None:
                _end(claim, SegmentState.CANCELLED, deps, failure_code=FailureCode.MEDIA_DELETED)
                return
            try:
                earlier = find_earlier(run, row, deps.store)
                outcomes = outcomes_of(earlier) if earlier else _perform(run, video, row, deps)
                _write(run, claim, outcomes, earlier, deps)
            except Stopped:
                _end(claim, SegmentState.CANCELLED, deps)
    except GiveUp as reason:
        values = {
            "field_extraction_succeeded": False,
            "field_extraction_error": reason.message,
            **failure_values(reason, FailureStage.FIELD_EXTRACTION),
        }
        batch = deps.store.batch()
        batch.change(row, lease_until=None, **_closed(SegmentState.FAILED, deps), **values)
        batch.commit()


def _perform(run: Run, video: Video, row: SegmentResult, deps: Deps) -> Outcomes:
    check_stop = stop_check(deps.store, run)
    check_stop()
    ledger = Ledger(deps.store, deps.models, run, check_stop)
    return Operations(run, video, row, ledger, deps.models, deps.objects, check_stop, _is_last(row), deps.pool).perform()


def _is_last(row: SegmentResult) -> bool:
    return row.failures + 1 >= MAX_FAILURES


def _write(run: Run, claim: Claim[SegmentResult], outcomes: Outcomes, earlier: SegmentResult | None, deps: Deps) -> None:
    """Vectors first, under this attempt's number; the row that makes them count is written last."""
    row = claim.document
    values = {**extraction_values(outcomes.extraction), **transcription_values(outcomes.transcription)}
    indexing = Indexing(deps.models, deps.vectors, stop_check(deps.store, run, GRACE), _is_last(row))
    findings = Findings(values["metadata"], values["metadata_text"], values["transcript"])
    unindexed = indexing.write(run, row, findings, outcomes.picture)
    if unindexed.picture:
        outcomes = replace(outcomes, picture=Outcome(failure=unindexed.picture))
    previous = row.vector_attempt
    for name, outcome in outcomes.by_name().items():
        values |= operation_values(name, outcome)
    reason = gravest(outcomes, unindexed.texts)
    batch = deps.store.batch()
    if reason is None and earlier is None:
        remember_in(batch, run, row, deps.store)
    claim.commit(
        batch,
        **_closed(SegmentState.FAILED if outcomes.extraction.failure or unindexed.texts else SegmentState.SUCCESSFUL, deps),
        vector_attempt=0 if unindexed.texts else row.attempt,
        reused_from=earlier.run_id if earlier else "",
        **values,
        **failure_values(reason),
    )
    if previous:
        deps.vectors.remove(text_ids(row.run_id, row.video_id, row.segment_id, previous, MAX_TEXTS))


def _closed(state: SegmentState, deps: Deps) -> dict:
    return {"status": state, "open": False, "wake_at": None, "completed_at": deps.store.clock()}


def _end(claim: Claim[SegmentResult], state: SegmentState, deps: Deps, **values: object) -> None:
    claim.commit(deps.store.batch(), **_closed(state, deps), **values)
