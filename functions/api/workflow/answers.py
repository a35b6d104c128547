"""What the workflow endpoints answer."""

from typing import Any, Literal

from typing_extensions import TypedDict

from shared.http.answers import Moment, Object, PaginationAnswer
from shared.http.views.import_job import ImportJobAnswer
from shared.http.views.prompt import PromptAnswer, SemanticIndexingAnswer, VideoLevelAnswer
from shared.http.views.run import PromptRunAnswer


class DestinationAnswer(TypedDict):
    type: Literal["playground", "index"]
    index_id: str | None
    index_name: str | None
    index_created: bool


class WorkflowUploadAnswer(ImportJobAnswer):
    """The upload's own answer, which is an import job that has ended; `video` holds it once more for readers of the item."""

    video_id: str
    title: str
    video_uri: str
    message: str
    media_type: Literal["video", "audio", "image"]
    duration_seconds: float
    thumbnail_gcs_uri: str | None
    thumbnail_uri: str | None
    thumbnail_available: bool
    checksum: str | None
    duplicate_of: str | None
    video: Object
    destination: DestinationAnswer


class DefinitionAnswer(TypedDict):
    name: str
    description: str
    prompt_text: str
    json_schema: Object
    video_level: VideoLevelAnswer | None
    semantic_indexing: SemanticIndexingAnswer


class DefineAnswer(TypedDict):
    prompt_id: str | None
    saved: bool
    definition: DefinitionAnswer
    prompt: PromptAnswer | None


class ProcessAnswer(TypedDict):
    run_id: str
    run: PromptRunAnswer
    prompt: PromptAnswer
    status_url: str
    results_url: str
    prompt_created_inline: bool


class SearchPaginationAnswer(PaginationAnswer):
    """`result_window` is how many results can be paged through, 0 for all there are; `truncated`: there are more than that."""

    count: int
    result_window: int
    truncated: bool


class WorkflowSearchAnswer(TypedDict):
    data: list[Object]
    mode: Literal["vector", "condition"]
    result_level: Literal["segment", "video"]
    scope: Object
    coverage: Object
    warnings: list[str]
    pagination: SearchPaginationAnswer


class StreamAnswer(TypedDict):
    data: list[Object]
    pagination: PaginationAnswer


class WorkflowResultsAnswer(TypedDict):
    """A stream that `view` leaves out is null."""

    run_id: str
    status: str
    result_level: Literal["segment", "video"]
    selection_summary: dict[str, Any]
    filtered: StreamAnswer | None
    unfiltered: StreamAnswer | None


class GrantAnswer(TypedDict):
    video_id: str
    url: str
    filename: str
    mime_type: str
    expires_at: Moment
