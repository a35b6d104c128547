"""A prompt on the wire."""

from typing import Any

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.markers import NO_MARKS, Marks
from shared.domain.prompts import Prompt
from shared.domain.sharing import SHARED_TENANT
from shared.http.answers import MarkerInfoAnswer, Moment, Object


class VideoLevelAnswer(TypedDict):
    instructions_text: str
    included_segment_fields: list[str]
    json_schema: Object


class SemanticIndexingAnswer(TypedDict):
    """Fields that search leaves out."""

    disabled_segment_fields: list[str]
    disabled_video_level_fields: list[str]


class PromptAnswer(TypedDict):
    prompt_id: str
    user_id: str
    name: str
    description: str
    prompt_text: str
    json_schema: Object
    video_level: VideoLevelAnswer | None
    semantic_indexing: SemanticIndexingAnswer
    prompt_type: str
    is_active: bool
    is_default: bool
    revision_number: int
    created_at: Moment
    updated_at: Moment
    marker: MarkerInfoAnswer


def prompt_view(prompt: Prompt, marks: Marks = NO_MARKS) -> dict[str, Any]:
    return {
        "prompt_id": prompt.prompt_id,
        "user_id": prompt.user_id,
        "name": prompt.name,
        "description": prompt.description,
        "prompt_text": prompt.prompt_text,
        "json_schema": prompt.json_schema,
        "video_level": prompt.video_level,
        "semantic_indexing": semantic_indexing(prompt.semantic_indexing),
        "prompt_type": "custom",
        "is_active": prompt.is_active,
        "is_default": prompt.tenant == SHARED_TENANT,
        "revision_number": prompt.revision_number,
        "created_at": wire_time(prompt.created_at),
        "updated_at": wire_time(prompt.updated_at),
        "marker": marks.whole(prompt.prompt_id),
    }


def semantic_indexing(stored: dict[str, Any] | None) -> SemanticIndexingAnswer:
    """Both lists, whatever of them was stored."""
    stored = stored or {}
    return {
        "disabled_segment_fields": stored.get("disabled_segment_fields") or [],
        "disabled_video_level_fields": stored.get("disabled_video_level_fields") or [],
    }
