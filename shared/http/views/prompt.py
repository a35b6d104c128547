"""A prompt on the wire."""

from typing import Any

from shared.domain.clock import wire_time
from shared.domain.markers import NO_MARKS, Marks
from shared.domain.prompts import Prompt
from shared.domain.sharing import SHARED_TENANT


def prompt_view(prompt: Prompt, marks: Marks = NO_MARKS) -> dict[str, Any]:
    return {
        "prompt_id": prompt.prompt_id,
        "user_id": prompt.user_id,
        "name": prompt.name,
        "description": prompt.description,
        "prompt_text": prompt.prompt_text,
        "json_schema": prompt.json_schema,
        "video_level": prompt.video_level,
        "semantic_indexing": {
            "disabled_segment_fields": prompt.semantic_indexing.get("disabled_segment_fields") or [],
            "disabled_video_level_fields": prompt.semantic_indexing.get("disabled_video_level_fields") or [],
        },
        "prompt_type": "custom",
        "is_active": prompt.is_active,
        "is_default": prompt.tenant == SHARED_TENANT,
        "revision_number": prompt.revision_number,
        "created_at": wire_time(prompt.created_at),
        "updated_at": wire_time(prompt.updated_at),
        "marker": marks.whole(prompt.prompt_id),
    }
