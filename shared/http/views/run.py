"""A prompt run on the wire."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.markers import NO_MARKS, Marks
from shared.domain.runs import Run, RunCounts, RunStatus
from shared.http.answers import MarkerInfoAnswer, Moment
from shared.http.views.prompt import SemanticIndexingAnswer, semantic_indexing

_COUNTED = tuple(name for name in RunCounts.__dataclass_fields__ if name != "total_media_seconds")
_STOP_FIELDS = ("requested_at", "requested_by", "mode", "observed_at", "completed_at")


class RunContextAnswer(TypedDict):
    type: str
    index_id: NotRequired[str]


class RunProgressAnswer(TypedDict):
    stage: str
    percent: float
    total_segments: int
    completed_segments: int
    eta_seconds: float | None
    eta_at: Moment | None


class StopStateAnswer(TypedDict):
    """How far a cancellation is; nulls until one is asked for."""

    requested_at: Moment | None
    requested_by: str | None
    mode: str | None
    observed_at: Moment | None
    completed_at: Moment | None


class RunCountsAnswer(TypedDict):
    total_videos: int
    completed_videos: int
    failed_videos: int
    partial_videos: int
    cancelled_videos: int
    total_audios: int
    completed_audios: int
    failed_audios: int
    partial_audios: int
    cancelled_audios: int
    total_images: int
    completed_images: int
    failed_images: int
    partial_images: int
    cancelled_images: int
    total_segments: int
    completed_segments: int
    field_extraction_failures: int
    transcription_failures: int
    image_embedding_failures: int
    reused_segments: int
    video_level_total_items: int
    video_level_completed_items: int
    video_level_failed_items: int
    video_level_partial_items: int


class PromptRunAnswer(RunCountsAnswer):
    run_id: str
    prompt_id: str
    prompt_name: str
    prompt_type: str
    prompt_revision: int
    executed_at: Moment
    executed_by: str
    status: Literal["pending", "processing", "completed", "completed_with_failures", "failed", "cancelled"]
    run_context: RunContextAnswer
    index_ids: list[str]
    progress: RunProgressAnswer
    field_extraction_succeeded: bool | None
    transcription_succeeded: bool | None
    image_embedding_succeeded: bool | None
    total_video_seconds: float
    error_code: str | None
    error_message: str | None
    video_segmentation_type: str
    audio_segmentation_type: str
    image_segmentation_type: str
    video_segment_duration: int | None
    audio_segment_duration: int | None
    created_new_segments: bool
    processing_model: str
    enable_transcription: bool
    enable_image_embedding: bool
    force: bool
    video_level_enabled: bool
    semantic_indexing: SemanticIndexingAnswer
    stop_state: StopStateAnswer
    billing_estimated_mt: float
    billing_actual_mt: float
    billing_status: str | None
    billing_error: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    mended_at: Moment | None
    updated_at: Moment
    marker: MarkerInfoAnswer


def run_view(run: Run, marks: Marks = NO_MARKS) -> dict[str, Any]:
    """Every count is a number from the first moment on; which operations succeeded is null until the run has ended."""
    counts = run.counts
    return {
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "prompt_name": run.prompt_name,
        "prompt_type": "custom",
        "prompt_revision": run.prompt_revision,
        "executed_at": wire_time(run.created_at),
        "executed_by": run.user_id,
        "status": run.status,
        "run_context": _context(run),
        "index_ids": [one for one in run.index_ids if one],
        "progress": _progress(run),
        **{name: counts.get(name, 0) for name in _COUNTED},
        **_succeeded(run),
        "total_video_seconds": counts.get("total_media_seconds", 0.0),
        "error_code": run.error_code or None,
        "error_message": run.error_message or None,
        "video_segmentation_type": run.video_segmentation_type,
        "audio_segmentation_type": run.audio_segmentation_type,
        "image_segmentation_type": "image",
        "video_segment_duration": run.video_segment_duration,
        "audio_segment_duration": run.audio_segment_duration,
        "created_new_segments": run.created_new_segments,
        "processing_model": run.processing_model,
        "enable_transcription": run.enable_transcription,
        "enable_image_embedding": run.enable_image_embedding,
        "force": run.force,
        "video_level_enabled": bool(run.video_level),
        "semantic_indexing": semantic_indexing(run.prompt.get("semantic_indexing")),
        "stop_state": {name: _moment(run.stop_state.get(name)) for name in _STOP_FIELDS},
        "billing_estimated_mt": 0.0,
        "billing_actual_mt": 0.0,
        "billing_status": None,
        "billing_error": None,
        "created_at": wire_time(run.created_at),
        "started_at": wire_time(run.started_at),
        "completed_at": wire_time(run.completed_at),
        "mended_at": wire_time(run.mended_at),
        "updated_at": wire_time(run.updated_at),
        "marker": marks.whole(run.run_id),
    }


def _context(run: Run) -> dict[str, Any]:
    context = {"type": run.target.get("type", "")}
    if run.target.get("index_id"):
        context["index_id"] = run.target["index_id"]
    return context


def _progress(run: Run) -> dict[str, Any]:
    """As last measured; `eta_at` is the moment that `eta_seconds` lead to, both null until the pace tells something."""
    ended = RunStatus(run.status).is_terminal
    measured = run.progress if run.progress and not ended else {}
    stopped = run.status == RunStatus.CANCELLED
    return {
        "stage": "done" if ended else measured.get("stage", "cutting" if run.planned else "planning"),
        "percent": run.progress.get("percent", 0.0) if stopped else 100.0 if ended else measured.get("percent", 0.0),
        "total_segments": run.counts.get("total_segments", 0),
        "completed_segments": run.counts.get("completed_segments", 0),
        "eta_seconds": 0 if ended else measured.get("eta_seconds"),
        "eta_at": wire_time(measured.get("eta_at")),
    }


def _succeeded(run: Run) -> dict[str, bool | None]:
    ended = RunStatus(run.status).is_terminal
    asked = {
        "field_extraction": True,
        "transcription": run.enable_transcription,
        "image_embedding": run.enable_image_embedding,
    }
    return {
        f"{name}_succeeded": run.counts.get(f"{name}_failures", 0) == 0 if ended and wanted else None
        for name, wanted in asked.items()
    }


def _moment(value: Any) -> Any:
    return wire_time(value) if hasattr(value, "astimezone") else value
