"""The checked form of a prompt: schemas admitted, every field path one that the schemas have."""

from typing import Any

from functions.api.prompts.schemas import SemanticIndexing, VideoLevel
from shared.domain.errors import ApiError, invalid
from shared.domain.schema import LeafPath, admit, leaf_paths, resolve_field

TRANSCRIPTION = "transcription"
_MAX_NAMED = 50


def check_video_level(level: VideoLevel, segment_schema: dict[str, Any]) -> dict[str, Any]:
    """As it is stored: paths in full (`people[].name`), all of them where none were named."""
    admit(level.json_schema, "video_level.json_schema")
    leaves = leaf_paths(segment_schema)
    wanted = level.included_segment_fields
    if wanted is None:
        wanted = [leaf.path for leaf in leaves] + [TRANSCRIPTION]
    return {
        "instructions_text": level.instructions_text,
        "included_segment_fields": resolve_all(wanted, leaves, "video_level.included_segment_fields"),
        "json_schema": level.json_schema,
    }


def check_indexing(
    indexing: SemanticIndexing | None, segment_schema: dict[str, Any], video_level: dict[str, Any] | None
) -> dict[str, list[str]]:
    indexing = indexing or SemanticIndexing()
    above = leaf_paths(video_level["json_schema"]) if video_level else []
    return {
        "disabled_segment_fields": resolve_all(
            indexing.disabled_segment_fields, leaf_paths(segment_schema), "semantic_indexing.disabled_segment_fields"
        ),
        "disabled_video_level_fields": resolve_all(
            indexing.disabled_video_level_fields,
            above,
            "semantic_indexing.disabled_video_level_fields",
            transcription=False,
        ),
    }


def resolve_all(paths: list[str], leaves: list[LeafPath], field: str, *, transcription: bool = True) -> list[str]:
    """Each path in full and once; 422 that names the paths there are."""
    found: dict[str, None] = {}
    for path in paths:
        full = TRANSCRIPTION if transcription and path == TRANSCRIPTION else resolve_field(path, leaves)
        if full is None:
            raise _unknown(field, path, [leaf.path for leaf in leaves] + [TRANSCRIPTION] * transcription)
        found[full] = None
    return list(found)


def _unknown(field: str, path: str, valid: list[str]) -> ApiError:
    listed = ", ".join(valid[:_MAX_NAMED]) + (", …" if len(valid) > _MAX_NAMED else "")
    error = invalid(field, f"there is no field {path!r}; there are: {listed or 'none'}")
    error.details["valid_fields"] = valid
    return error
