"""What an export tells of each thing. The names are part of format version 1: they are added to, never changed."""

from datetime import datetime
from typing import Any

from shared.domain.clock import wire_time
from shared.domain.exports import Export
from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult

FORMAT = "videovector.export"
FORMAT_VERSION = 1
RUN_FIELDS = ["created_at", "updated_at", "user_id", "prompt_id", "prompt_name", "prompt_revision", "status", "index_ids"]


def header(export: Export, index: Index | None, now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "export_id": export.export_id,
        "export_type": export.export_type,
        "target_id": export.target_id,
        "generated_at": wire_time(now),
        "index": None
        if index is None
        else {
            "index_id": index.index_id,
            "name": index.name,
            "description": index.description,
            "created_at": wire_time(index.created_at),
        },
    }


def media(video: Video) -> dict[str, Any]:
    return {
        "video_id": video.video_id,
        "index_id": video.index_id or None,
        "title": video.title,
        "video_uri": video.video_uri,
        "media_type": video.media_type,
        "mime_type": video.mime_type,
        "duration_seconds": video.duration_seconds,
        "width": video.width or None,
        "height": video.height or None,
        "size_bytes": video.size_bytes,
        "checksum": video.checksum or None,
        "status": video.status,
        "created_at": wire_time(video.created_at),
    }


def prompt_run(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "prompt_name": run.prompt_name,
        "prompt_revision": run.prompt_revision,
        "prompt_text": run.prompt.get("prompt_text", ""),
        "json_schema": run.prompt.get("json_schema") or {},
        "video_level": run.prompt.get("video_level"),
        "status": run.status,
        "processing_model": run.processing_model,
        "video_segmentation_type": run.video_segmentation_type,
        "audio_segmentation_type": run.audio_segmentation_type,
        "video_segment_duration": run.video_segment_duration,
        "audio_segment_duration": run.audio_segment_duration,
        "executed_at": wire_time(run.created_at),
        "completed_at": wire_time(run.completed_at),
    }


def item(row: RunMedia, video: Video) -> dict[str, Any]:
    """A media item in a run; `video_result` is its media-wide synthesis, null where none was made."""
    return {
        "run_id": row.run_id,
        "video_id": row.video_id,
        "title": video.title,
        "status": row.status,
        "error_message": row.error_message or None,
        "video_result": {
            "status": row.video_level_status,
            "metadata": row.video_level_metadata,
            "metadata_text": row.video_level_text,
            "error_message": row.video_level_error or None,
        }
        if row.video_level_status in ("completed", "partial", "failed")
        else None,
    }


def segment(row: SegmentResult) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "video_id": row.video_id,
        "segment_id": row.segment_id,
        "segment_number": row.ordinal,
        "start_time": row.start,
        "end_time": row.end,
        "status": row.status,
        "metadata": row.metadata,
        "metadata_text": row.metadata_text,
        "transcript": row.transcript,
        "field_extraction_succeeded": row.field_extraction_succeeded,
        "transcription_succeeded": row.transcription_succeeded,
        "image_embedding_succeeded": row.image_embedding_succeeded,
        "failure_stage": row.failure_stage or None,
        "failure_code": row.failure_code or None,
        "error_message": row.failure_message
        or row.field_extraction_error
        or row.transcription_error
        or row.image_embedding_error
        or None,
        "processing_warning": row.processing_warning or None,
        "processed_at": wire_time(row.completed_at),
    }
