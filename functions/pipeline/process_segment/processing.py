"""One segment of one run: ask the models, make it searchable, write what came of it, and close the item after the last."""

from dataclasses import dataclass
from datetime import timedelta

from functions.pipeline.process_segment.operations import Operations, Outcome, Outcomes, Stopped
from shared.domain.leaves import metadata_text
from shared.domain.media import Video
from shared.domain.runs import FailureStage, Run, SegmentResult, SegmentState
from shared.inference.ledger import Ledger
from shared.inference.models import Models
from shared.messaging.messages import ProcessSegment, SettleRun
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import Store
from shared.vectors.ids import TextId, text_ids
from shared.vectors.index import Datapoint, VectorIndex
from shared.vectors.points import text_points
from shared.vectors.texts import MAX_TEXTS, search_texts
from shared.work.claims import MAX_FAILURES, Claim, Claims
from shared.work.fan_in import FanIn
from shared.work.outcomes import GiveUp

PROGRESS_SECONDS = 2


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    objects: Objects
    models: Models
    vectors: VectorIndex
    claims: Claims
    fan_in: FanIn


def process_segment(message: ProcessSegment, deps: Deps) -> None:
    run = deps.store.get(Run, message.tenant, message.run_id)
    row = deps.store.get(SegmentResult, message.tenant, message.run_id, message.video_id, message.segment_id)
    if run is None or row is None:
        return
    if row.open:
        _work(run, row, deps)
    deps.fan_in.segment_ended(run, row)
    _tell_progress(run, deps)


def _work(run: Run, row: SegmentResult, deps: Deps) -> None:
    started = row.started_at or deps.store.clock()
    try:
        with deps.claims.hold(row, status=SegmentState.PROCESSING, started_at=started) as claim:
            video = deps.store.get(Video, row.tenant, row.video_id)
            if video is None or video.deleted_at is not None:
                _end(claim, SegmentState.CANCELLED, deps, failure_code="media_deleted")
                return
            try:
                outcomes = _perform(run, video, row, deps)
            except Stopped:
                _end(claim, SegmentState.CANCELLED, deps)
                return
            _write(run, row, claim, outcomes, deps)
    except GiveUp as reason:
        values = {
            "field_extraction_succeeded": False,
            "field_extraction_error": reason.message,
            "failure_stage": reason.stage or FailureStage.FIELD_EXTRACTION,
            "failure_code": reason.code,
            "retryable": reason.retryable,
        }
        batch = deps.store.batch()
        batch.change(row, lease_until=None, **_closed(SegmentState.FAILED, deps), **values)
        batch.commit()


def _perform(run: Run, video: Video, row: SegmentResult, deps: Deps) -> Outcomes:
    def check_stop() -> None:
        current = deps.store.get(Run, run.tenant, run.run_id)
        if current is None or current.stop_requested:
            raise Stopped

    check_stop()
    ledger = Ledger(deps.store, deps.models, run, check_stop)
    last = row.failures + 1 >= MAX_FAILURES
    return Operations(run, video, row, ledger, deps.models, deps.objects, check_stop, last).perform()


def _write(run: Run, row: SegmentResult, claim: Claim[SegmentResult], outcomes: Outcomes, deps: Deps) -> None:
    """Vectors first, under this attempt's number; the row that makes them count is written last."""
    extraction, transcript = outcomes.extraction.value, outcomes.transcription.value
    metadata = extraction.data if extraction else {}
    values = {
        "metadata": metadata,
        "metadata_text": metadata_text(metadata),
        "processing_warning": extraction.warning if extraction else "",
        "transcript": transcript.text if transcript else "",
        "utterances": transcript.utterances if transcript else [],
    }
    points = _text_points(run, row, values, deps)
    if outcomes.picture.value is not None:
        points.append(outcomes.picture.value)
    deps.vectors.upsert(points)
    previous = row.vector_attempt
    _end(
        claim,
        SegmentState.FAILED if outcomes.extraction.failure else SegmentState.SUCCESSFUL,
        deps,
        vector_attempt=row.attempt,
        **values,
        **_operation_values("field_extraction", outcomes.extraction),
        **_operation_values("transcription", outcomes.transcription),
        **_operation_values("image_embedding", outcomes.picture),
        **_failure_values(outcomes),
    )
    if previous:
        deps.vectors.remove(text_ids(row.run_id, row.video_id, row.segment_id, previous, MAX_TEXTS))


def _text_points(run: Run, row: SegmentResult, values: dict, deps: Deps) -> list[Datapoint]:
    disabled = run.prompt["semantic_indexing"].get("disabled_segment_fields") or []
    texts = search_texts(values["metadata"], values["metadata_text"], values["transcript"], disabled)
    try:
        vectors = deps.models.embed_texts([one.text for one in texts])
    except GiveUp as error:
        error.stage = FailureStage.TEXT_EMBEDDING
        raise
    identity = TextId(row.run_id, row.video_id, row.segment_id, row.attempt, 0)
    return text_points(row.tenant, row.index_id, identity, texts, vectors)


def _operation_values(name: str, outcome: Outcome) -> dict:
    error = outcome.failure.message if outcome.failure else ""
    return {f"{name}_succeeded": outcome.succeeded, f"{name}_error": error}


def _failure_values(outcomes: Outcomes) -> dict:
    """The gravest failure stands for the segment: fields before words before picture."""
    for outcome in (outcomes.extraction, outcomes.transcription, outcomes.picture):
        if outcome.failure is not None:
            reason = outcome.failure
            return {"failure_stage": reason.stage, "failure_code": reason.code, "retryable": reason.retryable}
    return {"failure_stage": "", "failure_code": "", "retryable": False}


def _closed(state: SegmentState, deps: Deps) -> dict:
    return {"status": state, "open": False, "wake_at": None, "completed_at": deps.store.clock()}


def _end(claim: Claim[SegmentResult], state: SegmentState, deps: Deps, **values: object) -> None:
    claim.commit(deps.store.batch(), **_closed(state, deps), **values)


def _tell_progress(run: Run, deps: Deps) -> None:
    """At most one recount of a run in two seconds, however many of its segments end: the task is named after the slot."""
    now = deps.store.clock()
    slot = int(now.timestamp()) // PROGRESS_SECONDS + 1
    due = now + timedelta(seconds=slot * PROGRESS_SECONDS - now.timestamp())
    deps.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot=f"progress-{slot}", not_before=due)
