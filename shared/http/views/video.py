"""A media item on the wire, and how far the runs over it are."""

from typing import Any

from shared.domain.clock import wire_time
from shared.domain.media import Video
from shared.domain.runs import Run, RunMedia, SegmentResult, SegmentState

_MEDIA_STATUS = {"synthesizing": "processing", "partial": "completed_with_failures"}


def video_view(
    video: Video, *, processing_status: list[dict[str, Any]] | None = None, thumbnail_url: str | None = None
) -> dict[str, Any]:
    """`processing_status` is null where the listing does not look it up; `thumbnail_url` is a signed URL a player can load."""
    return {
        "video_id": video.video_id,
        "title": video.title,
        "video_uri": video.video_uri,
        "index_id": video.index_id or None,
        "user_id": video.user_id,
        "status": video.status,
        "processing_status": processing_status,
        "media_type": video.media_type,
        "mime_type": video.mime_type,
        "size_bytes": video.size_bytes,
        "duration_seconds": video.duration_seconds or None,
        "width": video.width or None,
        "height": video.height or None,
        "thumbnail_gcs_uri": video.thumbnail_uri or None,
        "thumbnail_uri": thumbnail_url,
        "thumbnail_available": bool(video.thumbnail_uri),
        "metadata_keys": [],
        "latest_run_id": video.latest_run_id or None,
        "source_connector_id": video.source_connector_id or None,
        "created_at": wire_time(video.created_at),
        "updated_at": wire_time(video.updated_at),
        "marker": {},
    }


def processing_status_view(run: Run, media: RunMedia, rows: list[SegmentResult]) -> dict[str, Any]:
    """One run over one item. `rows` are the item's segments in that run, or empty where only the counts are wanted."""
    successful, failed = media.successful_segments, media.failed_segments
    processing = 0
    if rows:
        states = [row.status for row in rows]
        successful, failed = states.count(SegmentState.SUCCESSFUL), states.count(SegmentState.FAILED)
        processing = states.count(SegmentState.PROCESSING)
    waiting = media.total_segments - successful - failed - processing if media.open else 0
    return {
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "status": _MEDIA_STATUS.get(media.status, media.status),
        "total_segments": media.total_segments,
        "pending_segments": max(0, waiting),
        "processing_segments": processing,
        "successful_segments": successful,
        "failed_segments": failed,
        "created_at": wire_time(media.created_at),
        "updated_at": wire_time(media.updated_at),
        "error_message": media.error_message or None,
        "failure_stage": media.failure_stage or None,
        "failure_code": media.failure_code or None,
        "attempt_id": None,
        "video_level": _video_level(media, successful, failed),
        "segments": [_segment_status(row) for row in rows],
    }


def _video_level(media: RunMedia, successful: int, failed: int) -> dict[str, Any] | None:
    if not media.video_level_status:
        return None
    return {
        "status": media.video_level_status,
        "result_available": media.video_level_status in ("completed", "partial"),
        "successful_segment_count": successful,
        "failed_segment_count": failed,
        "started_at": wire_time(media.started_at),
        "completed_at": wire_time(media.completed_at),
        "updated_at": wire_time(media.updated_at),
        "error_message": media.video_level_error or None,
        "attempt_id": None,
    }


def _segment_status(row: SegmentResult) -> dict[str, Any]:
    return {
        "segment_id": row.segment_id,
        "video_id": row.video_id,
        "status": row.status,
        "start_time": row.start,
        "end_time": row.end,
        "started_at": wire_time(row.started_at),
        "completed_at": wire_time(row.completed_at),
        "updated_at": wire_time(row.updated_at),
        "error_message": row.field_extraction_error or None,
        "failure_stage": row.failure_stage or None,
        "attempt_id": str(row.attempt) if row.attempt else None,
    }
