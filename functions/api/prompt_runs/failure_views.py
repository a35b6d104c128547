"""Failures and retries on the wire."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from shared.domain.clock import wire_time
from shared.domain.failures import OPERATIONS, PROCESSING, next_step
from shared.domain.runs import FailureStage, Run, RunMedia, SegmentResult, SegmentRetry

_COUNTED = (*OPERATIONS, PROCESSING)
_MESSAGES = {
    "pending": "The retry is queued.",
    "processing": "The retry is under way.",
    "completed": "What had failed has succeeded now.",
    "failed": "The retry failed; what was there before still stands.",
}


def manifest(run: Run, failures: Iterable[tuple[RunMedia, list[SegmentResult]]]) -> dict[str, Any]:
    """The API's PromptRunFailedSegmentsManifest; `next_step` says what to do about each failure."""
    videos = [_video(media, rows) for media, rows in failures]
    return {
        "run_id": run.run_id,
        "status": run.status,
        "videos_with_failures": len(videos),
        "failed_segments": sum(video["failed_segments"] for video in videos),
        "operation_counts": {name: sum(video["operation_counts"][name] for video in videos) for name in _COUNTED},
        "videos": videos,
    }


def _video(media: RunMedia, rows: list[SegmentResult]) -> dict[str, Any]:
    """What failed of the item as a whole, such as opening the file or its media-wide result, counts as `processing`."""
    counts = Counter(name for row in rows for name in row.failed_operations)
    counts[PROCESSING] += bool(media.failure_code)
    return {
        "video_id": media.video_id,
        "video_name": media.video_name,
        "status": media.status,
        "failed_segments": len(rows),
        "operation_counts": {name: counts[name] for name in _COUNTED},
        "failure_stage": media.failure_stage or None,
        "failure_code": media.failure_code or None,
        "failure_message": media.error_message or None,
        "next_step": _next_step_of_item(media),
        "segments": [_segment(row) for row in rows],
    }


def _next_step_of_item(media: RunMedia) -> str | None:
    if media.failure_stage == FailureStage.SYNTHESIS:
        return "Execute the prompt again: answers about segments are taken over, only the media-wide result is asked anew."
    return next_step(media.failure_code) or None


def _segment(row: SegmentResult) -> dict[str, Any]:
    return {
        "segment_id": row.segment_id,
        "failed_operations": row.failed_operations,
        "field_extraction_error": row.field_extraction_error or None,
        "transcription_error": row.transcription_error or None,
        "image_embedding_error": row.image_embedding_error or None,
        "failure_stage": row.failure_stage or None,
        "failure_message": row.failure_message or None,
        "failure_code": row.failure_code or None,
        "retryable": row.retryable,
        "next_step": next_step(row.failure_code) or None,
        "retry_id": row.retry_id or None,
        "start_time": row.start,
        "end_time": row.end,
        "projection_only": False,
    }


def retry_view(retry: SegmentRetry) -> dict[str, Any]:
    """The API's PromptRunSegmentRetry and PromptRunSegmentRetryStatus in one."""
    return {
        "run_id": retry.run_id,
        "retry_id": retry.retry_id,
        "status": retry.status,
        "message": _MESSAGES[retry.status],
        "idempotency_key": retry.idempotency_key,
        "video_id": retry.video_id,
        "segment_id": retry.segment_id,
        "operations": retry.operations,
        "created_at": wire_time(retry.created_at),
        "started_at": wire_time(retry.started_at),
        "completed_at": wire_time(retry.completed_at),
        "error": retry.error_message or None,
        "failure_stage": retry.failure_stage or None,
        "failure_code": retry.error_code or None,
        "retryable": retry.retryable,
        "next_step": next_step(retry.error_code) or None,
        "field_extraction_succeeded": retry.field_extraction_succeeded,
        "transcription_succeeded": retry.transcription_succeeded,
        "image_embedding_succeeded": retry.image_embedding_succeeded,
        "billing_estimated_mt": 0.0,
        "billing_actual_mt": 0.0,
        "billing_status": None,
        "billing_error": None,
    }
