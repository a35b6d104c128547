"""What the prompt endpoints take."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from shared.http.answers import MessageAnswer, Moment, Object
from shared.http.nullable import NullIs
from shared.http.views.prompt import PromptAnswer, SemanticIndexingAnswer, VideoLevelAnswer

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=100)]
Description = Annotated[str, StringConstraints(max_length=500)]
PromptText = Annotated[str, StringConstraints(min_length=10, max_length=5000)]
FieldPaths = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=600)]], Field(max_length=300)]


class SchemaWarningAnswer(TypedDict):
    keyword: str
    level: Literal["segment", "video"]
    message: str
    path: str


class CheckedPromptAnswer(PromptAnswer):
    """`warnings` say what its author should know of the schemas before a run."""

    warnings: list[SchemaWarningAnswer]


class PromptsAnswer(TypedDict):
    prompts: list[PromptAnswer]
    total_count: int
    active_count: int


class PromptDeletedAnswer(MessageAnswer):
    prompt_id: str
    deleted: bool
    deactivated: bool


class SchemaTestAnswer(TypedDict):
    valid: bool
    validated_data: Object | None
    error: str | None
    errors: list[str]
    message: str


class PromptDraftAnswer(TypedDict):
    """What `POST /prompts` would take."""

    name: str
    description: str
    prompt_text: str
    json_schema: Object
    video_level: VideoLevelAnswer | None
    semantic_indexing: SemanticIndexingAnswer


class PromptUsageAnswer(TypedDict):
    prompt_id: str
    name: str
    is_active: bool
    is_in_use: bool
    safe_to_delete: bool
    prompt_run_count: int
    created_at: Moment
    schema_properties_count: int
    schema_leaf_count: int


class VideoLevel(BaseModel):
    """Without `included_segment_fields`: every leaf of the segment schema, and the transcription."""

    instructions_text: Annotated[str, StringConstraints(min_length=1, max_length=12000)]
    included_segment_fields: FieldPaths | None = None
    json_schema: dict[str, Any]


class SemanticIndexing(BaseModel):
    disabled_segment_fields: FieldPaths = []
    disabled_video_level_fields: FieldPaths = []


class PromptCreate(BaseModel):
    name: Name
    description: Annotated[Description, NullIs(str)] = ""
    prompt_text: PromptText
    json_schema: dict[str, Any]
    video_level: VideoLevel | None = None
    semantic_indexing: SemanticIndexing | None = None


class PromptUpdate(BaseModel):
    """Only what is given changes; null counts as not given."""

    name: Name | None = None
    description: Description | None = None
    prompt_text: PromptText | None = None
    json_schema: dict[str, Any] | None = None
    video_level: VideoLevel | None = None
    semantic_indexing: SemanticIndexing | None = None
    clear_video_level: bool = False
    is_active: bool | None = None


class PromptList(BaseModel):
    active_only: bool = True
    include_defaults: bool = True


class PromptDelete(BaseModel):
    force: bool = False


class SchemaTest(BaseModel):
    json_schema: dict[str, Any]
    sample_data: Any


class PromptWish(BaseModel):
    instruction: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=5000)]
