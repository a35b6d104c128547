"""A segment on the wire: as it was cut, and as one run saw it; and the result of a whole item."""

import json
from typing import Any

from shared.domain.clock import wire_time
from shared.domain.media import Segment
from shared.domain.runs import Run, RunMedia, SegmentResult, SegmentState


def segment_view(segment: Segment | SegmentResult, *, video_uri: str = "", thumbnail_url: str | None = None) -> dict[str, Any]:
    """With a `SegmentResult` the run's status and what it found; with a bare `Segment` neither: it belongs to no run."""
    row = segment if isinstance(segment, SegmentResult) else None
    return {
        "segment_id": segment.segment_id,
        "video_id": segment.video_id,
        "start_time": segment.start,
        "end_time": segment.end,
        **_pictures(segment.thumbnail_uri, video_uri, thumbnail_url),
        "thumbnail_data": None,
        "gif_data": None,
        "created_at": wire_time(segment.created_at),
        **(_of_run(row) if row is not None else _of_no_run()),
        "marker": {},
        "metadata_markers": {},
    }


def _of_no_run() -> dict[str, Any]:
    return {
        "processed": False,
        "processing_failed": False,
        "segment_status": "pending",
        "status_source": "segment",
        "failure_stage": None,
        "failure_message": None,
        "attempt_id": None,
        "metadata": None,
        "metadata_text": None,
        "processed_at": None,
        "error_message": None,
        "processing_warning": None,
        "from_run_id": None,
        **dict.fromkeys(f"{name}_succeeded" for name in _OPERATIONS),
        **dict.fromkeys(f"{name}_error" for name in _OPERATIONS),
    }


_OPERATIONS = ("field_extraction", "transcription", "image_embedding")


def _of_run(row: SegmentResult) -> dict[str, Any]:
    failed = row.status in (SegmentState.FAILED, SegmentState.CANCELLED)
    message = _failure(row)
    return {
        "processed": row.status == SegmentState.SUCCESSFUL,
        "processing_failed": failed,
        "segment_status": "failed" if failed else row.status,
        "status_source": "prompt_run",
        "failure_stage": row.failure_stage or None,
        "failure_code": row.failure_code or None,
        "retryable": row.retryable if failed else None,
        "failure_message": message,
        "attempt_id": str(row.attempt) if row.attempt else None,
        "metadata": row.metadata,
        "metadata_text": row.metadata_text,
        "transcript": row.transcript,
        "processed_at": wire_time(row.completed_at),
        "error_message": message,
        "processing_warning": row.processing_warning or None,
        "from_run_id": row.run_id,
        **_operations(row),
    }


def _operations(row: SegmentResult) -> dict[str, Any]:
    return {
        "field_extraction_succeeded": row.field_extraction_succeeded,
        "transcription_succeeded": row.transcription_succeeded,
        "image_embedding_succeeded": row.image_embedding_succeeded,
        "field_extraction_error": row.field_extraction_error or None,
        "transcription_error": row.transcription_error or None,
        "image_embedding_error": row.image_embedding_error or None,
    }


def _failure(row: SegmentResult) -> str | None:
    if row.status == SegmentState.CANCELLED:
        return "the run was cancelled before this segment was processed"
    return row.field_extraction_error or row.transcription_error or row.image_embedding_error or None


def _pictures(thumbnail_uri: str, video_uri: str, thumbnail_url: str | None) -> dict[str, Any]:
    """A segment is a span of its item's object, so its own address is that object's."""
    return {
        "segment_uri": video_uri or None,
        "gcs_uri": video_uri or None,
        "thumbnail_gcs_uri": thumbnail_uri or None,
        "thumbnail_uri": thumbnail_url,
        "thumbnail_available": bool(thumbnail_uri),
        "gif_gcs_uri": None,
        "gif_uri": None,
        "gif_available": False,
    }


def segment_result_view(
    row: SegmentResult, run: Run, *, video_name: str = "", video_uri: str = "", thumbnail_url: str | None = None
) -> dict[str, Any]:
    """What one run found in one segment, as `/prompt-runs/{id}/results` lists it."""
    return {
        "result_type": "segment",
        "result_id": f"segment:{row.segment_id}:{row.run_id}",
        "segment_id": row.segment_id,
        **_owner(run, row.video_id, video_name, row.index_id),
        "start_time": row.start,
        "end_time": row.end,
        **_pictures(row.thumbnail_uri, video_uri, thumbnail_url),
        "segment_status": "failed" if row.status == SegmentState.CANCELLED else row.status,
        "metadata": row.metadata or {},
        "metadata_text": row.metadata_text,
        "transcript": row.transcript,
        "utterances": row.utterances,
        "processing_warning": row.processing_warning or None,
        "schema_used": _schema(run.prompt.get("json_schema")),
        **_operations(row),
        "field_extraction_succeeded": bool(row.field_extraction_succeeded),
        "failure_stage": row.failure_stage or None,
        "failure_code": row.failure_code or None,
        "marker": {},
        "extracted_metadata_markers": {},
        "metadata_markers": {},
    }


def video_result_view(
    media: RunMedia, run: Run, *, video_uri: str = "", preview: SegmentResult | None = None, thumbnail_url: str | None = None
) -> dict[str, Any]:
    """The media-wide synthesis of one item; `preview` is the segment that stands for it in a player."""
    level = run.video_level or {}
    return {
        "result_type": "video",
        "result_id": f"video:{media.video_id}:{media.run_id}",
        **_owner(run, media.video_id, media.video_name, media.index_id),
        "status": media.video_level_status,
        "metadata": media.video_level_metadata or {},
        "metadata_text": media.video_level_text,
        "raw_llm_response": media.video_level_response or None,
        "processing_warning": media.video_level_warning or None,
        "schema_used": _schema(level.get("json_schema")),
        "successful_segment_count": media.successful_segments,
        "failed_segment_count": media.failed_segments,
        "omitted_segment_ids": media.omitted_segment_ids,
        "template_fields": level.get("included_segment_fields") or [],
        "source_fingerprint": media.source_fingerprint or None,
        "rendered_prompt_char_count": media.video_level_prompt_chars,
        "llm_attempted": media.video_level_attempted,
        "embedding_status": None,
        "embedding_error": None,
        "attempt_id": str(media.attempt) if media.attempt else None,
        "error_message": media.video_level_error or None,
        "started_at": wire_time(media.started_at),
        "completed_at": wire_time(media.completed_at),
        **_pictures(preview.thumbnail_uri if preview else "", video_uri, thumbnail_url),
        "preview_segment_id": preview.segment_id if preview else None,
        "preview_start_time": preview.start if preview else None,
        "preview_end_time": preview.end if preview else None,
        "preview_segment_uri": (video_uri or None) if preview else None,
        "preview_thumbnail_uri": thumbnail_url if preview else None,
        "preview_gif_uri": None,
        "marker": {},
    }


def _owner(run: Run, video_id: str, video_name: str, index_id: str) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "prompt_run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "video_id": video_id,
        "video_name": video_name or None,
        "source_index_id": index_id or None,
        "executed_at": wire_time(run.created_at),
    }


def _schema(schema: Any) -> str:
    return json.dumps(schema or {}, ensure_ascii=False, separators=(",", ":"))
