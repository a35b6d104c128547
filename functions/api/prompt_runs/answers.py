"""What executing prompts answers beside the runs themselves."""

from typing import Literal

from typing_extensions import TypedDict

from shared.http.answers import MarkerInfoAnswer, MessageAnswer, Moment, Object


class EstimateBreakdownAnswer(TypedDict):
    """`segments_exact` is false where the number of segments is expected and not known; `more_media` beyond those looked at."""

    media_seconds: float
    total_media: int
    videos: int
    audios: int
    images: int
    segments: int
    segments_exact: bool
    reused_segments: int
    model: str
    model_calls: int
    input_tokens: int
    output_tokens: int
    total_tokens: int
    more_media: bool


class EstimateAnswer(TypedDict):
    """Amounts are always 0: nothing is billed."""

    estimated_mt: float
    breakdown: EstimateBreakdownAnswer
    sufficient_balance: bool
    current_balance_mt: float


class ProcessAnswer(MessageAnswer):
    run_id: str
    video_id: str


class OperationsAnswer(TypedDict):
    field_extraction_error: str | None
    transcription_error: str | None
    image_embedding_error: str | None


class SegmentResultAnswer(OperationsAnswer):
    result_type: Literal["segment"]
    result_id: str
    segment_id: str
    video_id: str
    run_id: str
    prompt_id: str
    prompt_run_id: str
    video_name: str
    source_index_id: str | None
    executed_at: Moment
    start_time: float
    end_time: float
    thumbnail_uri: str | None
    thumbnail_gcs_uri: str | None
    thumbnail_available: bool
    gif_available: bool
    status: str
    metadata: Object
    metadata_text: str
    transcription: str
    utterances: list[Object]
    processing_warning: str | None
    schema_used: str
    field_extraction_succeeded: bool
    transcription_succeeded: bool | None
    image_embedding_succeeded: bool | None
    failure_stage: str | None
    failure_code: str | None
    retryable: bool
    attempt_id: str
    marker: MarkerInfoAnswer
    extracted_metadata_markers: dict[str, MarkerInfoAnswer]
    metadata_markers: dict[str, MarkerInfoAnswer]


class VideoResultAnswer(TypedDict):
    result_type: Literal["video"]
    result_id: str
    run_id: str
    prompt_id: str
    prompt_run_id: str
    video_id: str
    video_name: str
    source_index_id: str | None
    executed_at: Moment
    status: Literal["completed", "partial", "failed"]
    metadata: Object
    metadata_text: str
    raw_llm_response: str | None
    processing_warning: str | None
    schema_used: str
    successful_segment_count: int
    failed_segment_count: int
    omitted_segment_ids: list[str]
    template_fields: list[str]
    source_fingerprint: str | None
    rendered_prompt_char_count: int
    llm_attempted: bool
    attempt_id: str
    error_message: str | None
    started_at: Moment | None
    completed_at: Moment | None
    gcs_uri: str
    thumbnail_uri: str | None
    thumbnail_gcs_uri: str | None
    thumbnail_available: bool
    gif_available: bool
    marker: MarkerInfoAnswer
    metadata_markers: dict[str, MarkerInfoAnswer]


class LlmCallAnswer(TypedDict):
    llm_call_id: str
    prompt_run_id: str
    prompt_id: str
    video_id: str
    segment_id: str | None
    user_id: str
    model: str
    purpose: str
    status: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    video_seconds: float
    segment_start_time: float | None
    segment_end_time: float | None
    prompt_text: str | None
    response_text: str | None
    evidence: Object | list[Object] | None
    schema_used: str
    invoked_at: Moment
    completed_at: Moment | None
    created_at: Moment
    duration_ms: int
    error_message: str | None


class FailureCountsAnswer(TypedDict):
    field_extraction: int
    transcription: int
    image_embedding: int
    processing: int


class FailedSegmentAnswer(OperationsAnswer):
    segment_id: str
    failed_operations: list[str]
    failure_stage: str | None
    failure_message: str | None
    failure_code: str | None
    retryable: bool
    next_step: str | None
    retry_id: str | None
    start_time: float
    end_time: float
    projection_only: bool


class FailedVideoAnswer(TypedDict):
    video_id: str
    video_name: str
    status: str
    failed_segments: int
    operation_counts: FailureCountsAnswer
    failure_stage: str | None
    failure_code: str | None
    failure_message: str | None
    next_step: str | None
    segments: list[FailedSegmentAnswer]


class FailuresAnswer(TypedDict):
    """`next_step` says what to do about each failure."""

    run_id: str
    status: str
    videos_with_failures: int
    failed_segments: int
    operation_counts: FailureCountsAnswer
    videos: list[FailedVideoAnswer]


class RetryAnswer(TypedDict):
    run_id: str
    retry_id: str
    status: Literal["pending", "processing", "completed", "failed"]
    message: str
    idempotency_key: str
    video_id: str
    segment_id: str
    operations: list[str]
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    error: str | None
    failure_stage: str | None
    failure_code: str | None
    retryable: bool
    next_step: str | None
    field_extraction_succeeded: bool | None
    transcription_succeeded: bool | None
    image_embedding_succeeded: bool | None
    billing_estimated_mt: float
    billing_actual_mt: float
    billing_status: str | None
    billing_error: str | None
