"""A segment on the wire: as it was cut, and as one run saw it."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.markers import NO_MARKS, Marks
from shared.domain.media import Segment, Video
from shared.domain.runs import Run, SegmentResult, SegmentState
from shared.http.answers import MarkerInfoAnswer, Moment, Object
from shared.http.views.video import Sign

_OPERATIONS = ("field_extraction", "transcription", "image_embedding")


class SegmentAnswer(TypedDict):
    """A stretch of a media item; what a run found is null where no run was asked for."""

    segment_id: str
    video_id: str
    start_time: float
    end_time: float
    segment_uri: str
    gcs_uri: str
    thumbnail_gcs_uri: str | None
    thumbnail_uri: str | None
    thumbnail_available: bool
    thumbnail_data: str | None
    gif_gcs_uri: str | None
    gif_uri: str | None
    gif_available: bool
    gif_data: str | None
    created_at: Moment
    processed: bool
    processing_failed: bool
    segment_status: Literal["pending", "processing", "successful", "failed"]
    status_source: str
    failure_stage: str | None
    failure_code: NotRequired[str | None]
    retryable: NotRequired[bool | None]
    failure_message: str | None
    attempt_id: str | None
    metadata: Object | None
    metadata_text: str | None
    transcript: NotRequired[str]
    processed_at: Moment | None
    error_message: str | None
    processing_warning: str | None
    from_run_id: str | None
    prompt_id: NotRequired[str]
    field_extraction_succeeded: bool | None
    transcription_succeeded: bool | None
    image_embedding_succeeded: bool | None
    field_extraction_error: str | None
    transcription_error: str | None
    image_embedding_error: str | None
    marker: MarkerInfoAnswer
    metadata_markers: dict[str, MarkerInfoAnswer]


def canonical_segment(segment: Segment, video: Video, sign: Sign | None = None, marks: Marks = NO_MARKS) -> dict[str, Any]:
    """As it was cut; it belongs to no run and carries nothing of one."""
    return {**_span(segment, video, sign), **_of_no_run(), **_marked(segment.segment_id, "", marks)}


def run_segment(row: SegmentResult, run: Run, video: Video, sign: Sign | None = None, marks: Marks = NO_MARKS) -> dict[str, Any]:
    """The same span with the run's status and what the run found."""
    marked = _marked(row.segment_id, row.run_id, marks)
    return {**_span(row, video, sign), **_of_run(row), **marked, "prompt_id": run.prompt_id}


def _span(segment: Segment | SegmentResult, video: Video, sign: Sign | None) -> dict[str, Any]:
    """A segment is a span of its item's object, so its own address is that object's."""
    return {
        "segment_id": segment.segment_id,
        "video_id": segment.video_id,
        "start_time": segment.start,
        "end_time": segment.end,
        "segment_uri": video.video_uri,
        "gcs_uri": video.video_uri,
        "thumbnail_gcs_uri": segment.thumbnail_uri or None,
        "thumbnail_uri": sign(segment.thumbnail_uri) if sign and segment.thumbnail_uri else None,
        "thumbnail_available": bool(segment.thumbnail_uri),
        "thumbnail_data": None,
        "gif_gcs_uri": None,
        "gif_uri": None,
        "gif_available": False,
        "gif_data": None,
        "created_at": wire_time(segment.created_at),
    }


def _marked(segment_id: str, run_id: str, marks: Marks) -> dict[str, Any]:
    return {"marker": marks.whole(segment_id, run_id), "metadata_markers": marks.fields(segment_id, run_id)}


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
