"""Prompt runs: the run, each media item in it, and the result of each segment."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from shared.domain.documents import Document, Work, json_field
from shared.domain.failures import OPERATIONS, PROCESSING
from shared.domain.media import CutSettings, MediaType


class RunStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self not in (RunStatus.PENDING, RunStatus.PROCESSING)


class MediaState(StrEnum):
    """Of one media item in one run."""

    PENDING = "pending"  # to be cut
    PROCESSING = "processing"  # segments under way
    SYNTHESIZING = "synthesizing"  # media-wide synthesis under way
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (MediaState.PENDING, MediaState.PROCESSING, MediaState.SYNTHESIZING)


class SegmentState(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (SegmentState.PENDING, SegmentState.PROCESSING)


class FailureStage(StrEnum):
    PROBE = "probe"
    CUT = "cut"
    FIELD_EXTRACTION = "field_extraction"
    TRANSCRIPTION = "transcription"
    IMAGE_EMBEDDING = "image_embedding"
    TEXT_EMBEDDING = "text_embedding"
    SYNTHESIS = "synthesis"


@dataclass(kw_only=True)
class RunCounts:
    """Recounted from the children, never incremented."""

    total_videos: int = 0
    completed_videos: int = 0
    failed_videos: int = 0
    partial_videos: int = 0
    cancelled_videos: int = 0
    total_audios: int = 0
    completed_audios: int = 0
    failed_audios: int = 0
    partial_audios: int = 0
    cancelled_audios: int = 0
    total_images: int = 0
    completed_images: int = 0
    failed_images: int = 0
    partial_images: int = 0
    cancelled_images: int = 0
    total_segments: int = 0
    completed_segments: int = 0
    field_extraction_failures: int = 0
    transcription_failures: int = 0
    image_embedding_failures: int = 0
    reused_segments: int = 0  # whose answers an earlier run had given already
    video_level_total_items: int = 0
    video_level_completed_items: int = 0
    video_level_failed_items: int = 0
    video_level_partial_items: int = 0
    total_media_seconds: float = 0.0

    @property
    def total_items(self) -> int:
        return self.total_videos + self.total_audios + self.total_images


@dataclass(kw_only=True)
class Run(Work):
    PATH: ClassVar[str] = "tenants/{tenant}/runs/{run_id}"

    tenant: str
    run_id: str
    user_id: str
    prompt_id: str
    prompt_name: str
    prompt_revision: int
    prompt: dict[str, Any] = json_field()
    target: dict[str, Any] = json_field()
    index_ids: list[str] = field(default_factory=list)  # of the media it touches; "" stands for the playground
    video_segmentation_type: str = "smart"
    audio_segmentation_type: str = "content_aware"
    video_segment_duration: int | None = None
    audio_segment_duration: int | None = None
    processing_model: str = "gemini-2.5-flash"
    enable_transcription: bool = True
    enable_image_embedding: bool = True
    force: bool = False  # ask the models again, whatever earlier runs were answered
    created_new_segments: bool = False
    planned: bool = False
    counts: dict[str, Any] = field(default_factory=dict)  # RunCounts
    progress: dict[str, Any] = field(default_factory=dict)  # as shared.domain.progress tells it
    mending: list[dict[str, Any]] = json_field(list)  # retries whose segment is mended while the run is not: see Mending
    mended_at: datetime | None = None
    stop_state: dict[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error_message: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def stop_requested(self) -> bool:
        return bool(self.stop_state.get("requested_at"))

    @property
    def cut_settings(self) -> CutSettings:
        return CutSettings(
            video_type=self.video_segmentation_type,
            video_seconds=self.video_segment_duration,
            audio_type=self.audio_segmentation_type,
            audio_seconds=self.audio_segment_duration,
        )

    @property
    def video_level(self) -> dict[str, Any] | None:
        return self.prompt.get("video_level")


@dataclass(kw_only=True)
class RunMedia(Work):
    """One media item in one run; also holds its media-wide result, once there."""

    PATH: ClassVar[str] = "tenants/{tenant}/runs/{run_id}/media/{video_id}"

    tenant: str
    run_id: str
    video_id: str
    index_id: str = ""
    media_type: MediaType = "video"
    video_name: str = ""
    open: bool = True
    cut_id: str = ""
    new_segments: bool = False  # this run made the cut, rather than reusing one
    duration_seconds: float = 0.0
    total_segments: int = 0
    successful_segments: int = 0
    failed_segments: int = 0
    field_extraction_failures: int = 0
    transcription_failures: int = 0
    image_embedding_failures: int = 0
    reused_segments: int = 0
    mends: int = 0  # how often retries led to a new end of this item
    mended_from: str = ""  # the state of its end before the last of them
    failure_stage: str = ""
    failure_code: str = ""
    error_message: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    video_level_status: str = ""  # "" (not asked for) | pending | completed | partial | failed
    video_level_metadata: dict[str, Any] = json_field()
    video_level_text: str = json_field(str)
    video_level_warning: str = ""
    video_level_error: str = ""
    video_level_response: str = json_field(str)
    video_level_prompt_chars: int = 0
    video_level_attempted: bool = False
    omitted_segment_ids: list[str] = field(default_factory=list)
    source_fingerprint: str = ""
    vector_attempt: int = 0  # the attempt whose media-wide vectors count


@dataclass(kw_only=True)
class SegmentResult(Work):
    """What one run found in one segment. A vector counts only if it carries this row's `vector_attempt`."""

    PATH: ClassVar[str] = "tenants/{tenant}/runs/{run_id}/media/{video_id}/results/{segment_id}"

    tenant: str
    run_id: str
    video_id: str
    segment_id: str
    index_id: str = ""
    cut_id: str = ""
    ordinal: int = 0
    start: float = 0.0
    end: float = 0.0
    thumbnail_uri: str = ""
    open: bool = True
    metadata: dict[str, Any] = json_field()
    metadata_text: str = json_field(str)
    transcript: str = json_field(str)
    utterances: list[dict[str, Any]] = json_field(default_factory=list)
    processing_warning: str = ""
    field_extraction_succeeded: bool | None = None
    transcription_succeeded: bool | None = None
    image_embedding_succeeded: bool | None = None
    field_extraction_error: str = ""
    transcription_error: str = ""
    image_embedding_error: str = ""
    has_failures: bool = False  # of an operation, or of the segment as a whole
    failure_stage: str = ""
    failure_code: str = ""
    failure_message: str = ""
    retryable: bool = False
    retry_id: str = ""  # the retry under way
    reused_from: str = ""  # the run whose answers these are
    started_at: datetime | None = None
    completed_at: datetime | None = None
    vector_attempt: int = 0

    @property
    def failed_operations(self) -> list[str]:
        """Those of the three that failed, and `processing` where the segment failed beside them."""
        named = [name for name in OPERATIONS if getattr(self, f"{name}_succeeded") is False]
        as_a_whole = self.has_failures and (self.failure_stage == FailureStage.TEXT_EMBEDDING or not named)
        return [*named, PROCESSING] if as_a_whole else named


class RetryState(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        return self in (RetryState.COMPLETED, RetryState.FAILED)


@dataclass(kw_only=True)
class SegmentRetry(Work):
    """Another try at what failed of one segment. It ends when run, item and counts are mended too, not before.

    `operations` are those that had failed when it was asked for; what came of each stands in the three `…_succeeded`.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/runs/{run_id}/media/{video_id}/results/{segment_id}/retries/{retry_id}"

    tenant: str
    run_id: str
    video_id: str
    segment_id: str
    retry_id: str
    user_id: str
    idempotency_key: str
    operations: list[str] = field(default_factory=list)
    mending: bool = False  # the segment is written; what remains is the item's and the run's
    field_extraction_succeeded: bool | None = None
    transcription_succeeded: bool | None = None
    image_embedding_succeeded: bool | None = None
    error_code: str = ""
    error_message: str = ""
    failure_stage: str = ""
    retryable: bool = False
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True)
class Mending:
    """A retry that has written its segment; stands in `Run.mending` until item and run tell the same.

    `resynthesize`: the media-wide result must be made anew from what the segments say now.
    """

    video_id: str
    segment_id: str
    retry_id: str
    resynthesize: bool = False


@dataclass(kw_only=True)
class LlmCall(Document):
    """One call of a model, kept for debugging and so that a repeated stage does not pay twice."""

    PATH: ClassVar[str] = "tenants/{tenant}/llm_calls/{llm_call_id}"

    tenant: str
    llm_call_id: str
    run_id: str
    prompt_id: str
    video_id: str
    segment_id: str
    user_id: str
    model: str
    purpose: str
    status: str
    input_tokens: int = 0
    output_tokens: int = 0
    video_seconds: float = 0.0
    segment_start: float | None = None
    segment_end: float | None = None
    request: dict[str, Any] = json_field()  # prompt and schema
    response: dict[str, Any] = json_field()  # the text
    error_message: str = ""
    invoked_at: datetime | None = None
    completed_at: datetime | None = None
