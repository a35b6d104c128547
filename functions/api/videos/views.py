"""How far one run is with one media item, on the wire."""

from collections.abc import Iterable
from typing import Any

from shared.domain.clock import wire_time
from shared.domain.runs import Run, RunMedia, SegmentResult


def run_status(run: Run, media: RunMedia, rows: Iterable[SegmentResult] = ()) -> dict[str, Any]:
    """The API's PromptRunProcessingStatus; of the segments those that are told."""
    ended = media.successful_segments + media.failed_segments
    open_segments = max(0, media.total_segments - ended) if media.open else 0
    return {
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "status": media.status,
        "total_segments": media.total_segments,
        "pending_segments": 0 if media.status == "processing" else open_segments,
        "processing_segments": open_segments if media.status == "processing" else 0,
        "successful_segments": media.successful_segments,
        "failed_segments": media.failed_segments,
        "created_at": wire_time(media.created_at),
        "updated_at": wire_time(media.updated_at),
        "attempt_id": str(media.attempt),
        "video_level": _video_level(run, media),
        "segments": [_segment_status(row) for row in rows],
    }


def _segment_status(row: SegmentResult) -> dict[str, Any]:
    error = row.field_extraction_error or row.transcription_error or row.image_embedding_error
    return {
        "segment_id": row.segment_id,
        "video_id": row.video_id,
        "status": row.status,
        "start_time": row.start,
        "end_time": row.end,
        "started_at": wire_time(row.started_at),
        "completed_at": wire_time(row.completed_at),
        "updated_at": wire_time(row.updated_at),
        "error_message": error or None,
        "failure_stage": row.failure_stage or None,
        "attempt_id": str(row.attempt) if row.attempt else None,
    }


def _video_level(run: Run, media: RunMedia) -> dict[str, Any] | None:
    if not run.video_level:
        return None
    return {
        "status": media.video_level_status or "pending",
        "result_available": media.video_level_status in ("completed", "partial"),
        "successful_segment_count": media.successful_segments,
        "failed_segment_count": media.failed_segments,
        "started_at": wire_time(media.started_at),
        "completed_at": wire_time(media.completed_at),
        "updated_at": wire_time(media.updated_at),
        "error_message": media.video_level_error or None,
        "attempt_id": str(media.attempt),
    }
