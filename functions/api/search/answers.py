"""What a search answers."""

from typing import Literal

from typing_extensions import TypedDict

from shared.http.answers import MarkerInfoAnswer, Object


class MatchedFieldAnswer(TypedDict):
    field_path: str
    field_instance_key: str
    field_instance_path: str
    score: float
    value_preview: str


class SearchResultAnswer(TypedDict):
    """A segment of a run, or a media item with its media-wide result; scores lie between 0 and 1, the best result comes first."""

    result_type: Literal["segment", "video"]
    result_id: str
    video_id: str
    video_uri: str
    video_name: str
    media_type: Literal["video", "audio", "image"]
    similarity_score: float
    reranked_score: float
    run_id: str
    source_run_id: str
    prompt_run_id: str
    prompt_id: str
    source_index_id: str | None
    thumbnail_uri: str | None
    thumbnail_gcs_uri: str | None
    thumbnail_available: bool
    gif_available: bool
    marker: MarkerInfoAnswer
    extracted_metadata_markers: dict[str, MarkerInfoAnswer]
    field_scores: dict[str, float]
    field_instance_scores: dict[str, float]
    matched_field_paths: list[str]
    matched_field_instances: list[MatchedFieldAnswer]
    matched_image_uri: str | None
    matched_image_gcs_uri: str | None
    matched_image_timestamp: float | None
    matched_image_score: float | None
    shot_timestamp: float | None
    segment_id: str | None
    start_time: float
    end_time: float
    text_content: str
    metadata_text: str
    metadata: Object
    extracted_metadata: Object
    content_preview: str


class FusedResultAnswer(SearchResultAnswer):
    """With what each of the two rankings said of it."""

    fused_score: float
    text_score: float | None
    image_score: float | None
    text_rank: int | None
    image_rank: int | None
    match_type: Literal["both", "text_only", "image_only"]


class FilteredAnswer(TypedDict):
    results: list[SearchResultAnswer]
    next_page_token: str | None
    total_shown: int
