"""What failed in a run, and another try at one segment of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.prompt_runs.failure_views import manifest, retry_view
from functions.api.prompt_runs.handlers import Deps, media_in_run
from functions.api.prompt_runs.schemas import RetryBody
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.ids import derived_id
from shared.domain.runs import MediaState, RetryState, Run, RunMedia, RunStatus, SegmentResult, SegmentRetry
from shared.http.call import Call
from shared.messaging.messages import ProcessSegment
from shared.store.documents import Changed

STARTED_WITHIN = timedelta(seconds=60)


def list_failed_segments(call: Call[None], deps: Deps, run_id: str) -> dict[str, Any]:
    """List what failed in a run, with the reason and the cure of each"""
    run = deps.runs.get(call.tenant, run_id)
    return manifest(run, _failures(run, deps))


def _failures(run: Run, deps: Deps) -> Iterator[tuple[RunMedia, list[SegmentResult]]]:
    """Each item that something failed of, with its failed segments in the order of the media."""
    for media in deps.store.stream(RunMedia, deps.store.collection(RunMedia, run.tenant, run.run_id)):
        if media.status in (MediaState.COMPLETED, MediaState.PENDING):
            continue
        rows = deps.store.collection(SegmentResult, run.tenant, run.run_id, media.video_id)
        failed = rows.where(filter=FieldFilter("has_failures", "==", True)).order_by("ordinal")
        segments = list(deps.store.stream(SegmentResult, failed))
        if segments or media.failure_code:
            yield media, segments


def retry_segment(call: Call[RetryBody], deps: Deps, run_id: str, video_id: str, segment_id: str) -> dict[str, Any]:
    """Try again what failed of one segment; the same idempotency key names the same retry"""
    run = deps.runs.get(call.tenant, run_id)
    media_in_run(call.tenant, run, video_id, deps)
    key = call.request.headers.get("Idempotency-Key") or call.body.idempotency_key or call.new_id("retry")
    retry_id = derived_id("retry", call.tenant, run_id, video_id, segment_id, key)
    while True:
        row = deps.store.get(SegmentResult, call.tenant, run_id, video_id, segment_id)
        if row is None:
            raise _no_segment()
        retry = deps.store.get(SegmentRetry, call.tenant, run_id, video_id, segment_id, retry_id)
        try:
            retry = retry or _begin(call, run, row, retry_id, key, deps)
        except Changed:
            continue  # another request for the same segment came between
        if not RetryState(retry.status).is_terminal:
            command = ProcessSegment(
                tenant=run.tenant, run_id=run_id, video_id=video_id, segment_id=segment_id, retry_id=retry_id
            )
            deps.queues.send(command, slot="asked")
        return retry_view(retry)


def _begin(call: Call[RetryBody], run: Run, row: SegmentResult, retry_id: str, key: str, deps: Deps) -> SegmentRetry:
    """Raises CONFLICT where there is nothing to try again, or somebody does already."""
    if not RunStatus(run.status).is_terminal:
        raise ApiError(ErrorCode.CONFLICT, "the run is still under way; retry once it has ended", details={"status": run.status})
    if not row.has_failures:
        raise ApiError(ErrorCode.CONFLICT, "nothing failed of this segment", details={"segment_status": row.status})
    if row.retry_id:
        raise ApiError(ErrorCode.CONFLICT, "a retry of this segment is under way", details={"retry_id": row.retry_id})
    now = deps.store.clock()
    retry = SegmentRetry(
        created_at=now,
        updated_at=now,
        tenant=row.tenant,
        run_id=row.run_id,
        video_id=row.video_id,
        segment_id=row.segment_id,
        retry_id=retry_id,
        user_id=call.caller.user_id,
        idempotency_key=key,
        operations=row.failed_operations,
        status=RetryState.PENDING,
        wake_at=now + STARTED_WITHIN,
    )
    batch = deps.store.batch()
    batch.create(retry)
    batch.change(row, retry_id=retry_id)
    batch.commit()
    return retry


def get_retry(call: Call[None], deps: Deps, run_id: str, video_id: str, segment_id: str, retry_id: str) -> dict[str, Any]:
    """Retrieve how far a retry is"""
    run = deps.runs.get(call.tenant, run_id)
    media_in_run(call.tenant, run, video_id, deps)
    retry = deps.store.get(SegmentRetry, call.tenant, run_id, video_id, segment_id, retry_id)
    if retry is None:
        raise ApiError(ErrorCode.RETRY_NOT_FOUND, "there is no such retry")
    return retry_view(retry)


def _no_segment() -> ApiError:
    return ApiError(ErrorCode.SEGMENT_NOT_FOUND, "there is no such segment in this run")
