"""Results of a run on the wire."""

import json
from typing import Any

from shared.domain.clock import wire_time
from shared.domain.markers import Marks
from shared.domain.media import Video
from shared.domain.runs import LlmCall, Run, RunMedia, SegmentResult


def segment_result(run: Run, media: RunMedia, row: SegmentResult, thumbnail_url: str, marks: Marks) -> dict[str, Any]:
    """The API's SegmentRunResult."""
    return {
        "result_type": "segment",
        "result_id": f"segment:{row.segment_id}:{row.run_id}",
        "segment_id": row.segment_id,
        "video_id": row.video_id,
        "run_id": row.run_id,
        "prompt_id": run.prompt_id,
        "prompt_run_id": row.run_id,
        "video_name": media.video_name,
        "source_index_id": row.index_id or None,
        "executed_at": wire_time(row.completed_at or row.updated_at),
        "start_time": row.start,
        "end_time": row.end,
        "thumbnail_uri": thumbnail_url or None,
        "thumbnail_gcs_uri": row.thumbnail_uri or None,
        "thumbnail_available": bool(row.thumbnail_uri),
        "gif_available": False,
        "status": row.status,
        "metadata": row.metadata,
        "metadata_text": row.metadata_text,
        "transcription": row.transcript,
        "utterances": row.utterances,
        "processing_warning": row.processing_warning or None,
        "schema_used": json.dumps(run.prompt["json_schema"], ensure_ascii=False),
        "field_extraction_succeeded": bool(row.field_extraction_succeeded),
        "transcription_succeeded": row.transcription_succeeded,
        "image_embedding_succeeded": row.image_embedding_succeeded,
        "field_extraction_error": row.field_extraction_error or None,
        "transcription_error": row.transcription_error or None,
        "image_embedding_error": row.image_embedding_error or None,
        "failure_stage": row.failure_stage or None,
        "failure_code": row.failure_code or None,
        "retryable": row.retryable,
        "attempt_id": str(row.attempt),
        "marker": marks.whole(row.segment_id, row.run_id),
        "extracted_metadata_markers": marks.fields(row.segment_id, row.run_id),
        "metadata_markers": marks.fields(row.segment_id, row.run_id),
    }


def video_result(run: Run, media: RunMedia, video: Video, thumbnail_url: str, marks: Marks) -> dict[str, Any]:
    """The API's PromptRunVideoResult."""
    video_level = run.video_level or {}
    return {
        "result_type": "video",
        "result_id": f"video:{media.video_id}:{media.run_id}",
        "run_id": media.run_id,
        "prompt_id": run.prompt_id,
        "prompt_run_id": media.run_id,
        "video_id": media.video_id,
        "video_name": video.title,
        "source_index_id": video.index_id or None,
        "executed_at": wire_time(media.completed_at or media.updated_at),
        "status": media.video_level_status,
        "metadata": media.video_level_metadata,
        "metadata_text": media.video_level_text,
        "raw_llm_response": media.video_level_response or None,
        "processing_warning": media.video_level_warning or None,
        "schema_used": json.dumps(video_level.get("json_schema") or {}, ensure_ascii=False),
        "successful_segment_count": media.successful_segments,
        "failed_segment_count": media.failed_segments,
        "omitted_segment_ids": media.omitted_segment_ids,
        "template_fields": video_level.get("included_segment_fields") or [],
        "source_fingerprint": media.source_fingerprint or None,
        "rendered_prompt_char_count": media.video_level_prompt_chars,
        "llm_attempted": media.video_level_attempted,
        "attempt_id": str(media.attempt),
        "error_message": media.video_level_error or None,
        "started_at": wire_time(media.started_at),
        "completed_at": wire_time(media.completed_at),
        "gcs_uri": video.video_uri,
        "thumbnail_uri": thumbnail_url or None,
        "thumbnail_gcs_uri": video.thumbnail_uri or None,
        "thumbnail_available": bool(video.thumbnail_uri),
        "gif_available": False,
        "marker": marks.whole(media.video_id, media.run_id),
        "metadata_markers": marks.fields(media.video_id, media.run_id),
    }


def llm_call(call: LlmCall) -> dict[str, Any]:
    """The API's LlmCall."""
    ended, begun = call.completed_at, call.invoked_at
    return {
        "llm_call_id": call.llm_call_id,
        "prompt_run_id": call.run_id,
        "prompt_id": call.prompt_id,
        "video_id": call.video_id,
        "segment_id": call.segment_id or None,
        "user_id": call.user_id,
        "model": call.model,
        "purpose": call.purpose,
        "status": call.status,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "total_tokens": call.input_tokens + call.output_tokens,
        "video_seconds": call.video_seconds,
        "segment_start_time": call.segment_start,
        "segment_end_time": call.segment_end,
        "prompt_text": call.request.get("prompt"),
        "response_text": call.response.get("text"),
        "evidence": call.response.get("evidence") or None,
        "schema_used": json.dumps(call.request.get("schema") or {}, ensure_ascii=False),
        "invoked_at": wire_time(begun or call.created_at),
        "completed_at": wire_time(ended),
        "created_at": wire_time(call.created_at),
        "duration_ms": round((ended - begun).total_seconds() * 1000) if ended and begun else 0,
        "error_message": call.error_message or None,
    }
