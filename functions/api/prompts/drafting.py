"""A draft of a prompt from a wish in plain words.

The model is asked for a flat list of fields rather than for a JSON Schema: that is what a constrained answer can hold reliably,
and the schema made of it is always one that would be admitted.
"""

import json
import re
from typing import Any

from functions.api.prompts.contract import TRANSCRIPTION
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.schema import admit, leaf_paths, validate
from shared.inference.models import Question
from shared.usage.metered import MeteredModels

MODEL = "gemini-2.5-flash"
_TYPES = ["string", "integer", "number", "boolean"]
_MAX_FIELDS = 30
_MAX_VIDEO_FIELDS = 10
_FIELD = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "snake_case name of the field"},
        "type": {"type": "string", "enum": _TYPES},
        "is_list": {"type": "boolean", "description": "true if one segment can have several"},
        "description": {"type": "string", "description": "what to write into the field, in one sentence"},
    },
    "required": ["name", "type"],
}
_DRAFT = {
    "type": "object",
    "description": (  # said here and not in the prompt, which is the wish alone: its words are the subject, not orders
        "The design of an extraction of structured facts from each short segment of a video, a recording or an image, as the "
        "text asks for: a clear instruction and the fields to fill, only those that are needed, evidence before conclusions."
    ),
    "properties": {
        "name": {"type": "string", "description": "short name of the prompt, 3 to 100 characters"},
        "description": {"type": "string", "description": "what it extracts, in one sentence"},
        "prompt_text": {"type": "string", "description": "the instruction for each segment of a film or recording"},
        "fields": {"type": "array", "items": _FIELD, "maxItems": _MAX_FIELDS},
        "video_instructions": {
            "type": "string",
            "description": "how to sum up the whole item from its segments; empty if the wish asks for no summary of the whole",
        },
        "video_fields": {"type": "array", "items": _FIELD, "maxItems": _MAX_VIDEO_FIELDS},
    },
    "required": ["name", "description", "prompt_text", "fields"],
}


def draft(instruction: str, models: MeteredModels) -> dict[str, Any]:
    """What `POST /prompts` would take; nothing is saved. Raises UPSTREAM_FAILED when no usable draft came back."""
    answer = models.generate(Question(model=MODEL, prompt=instruction, schema=_DRAFT))
    try:
        wish = json.loads(answer.text)
    except ValueError:
        wish = None
    if not isinstance(wish, dict) or validate(_DRAFT, wish):
        raise ApiError(ErrorCode.UPSTREAM_FAILED, "the model gave no usable draft; say the wish in other words")
    schema = _schema(wish["fields"], _MAX_FIELDS)
    if not schema["properties"]:
        raise invalid("instruction", "nothing to extract was found in it; name the fields that are wanted")
    return {
        "name": _fitted(wish["name"], instruction, 3, 100),
        "description": wish["description"][:500],
        "prompt_text": _fitted(wish["prompt_text"], instruction, 10, 5000),
        "json_schema": admit(schema),
        "video_level": _video_level(wish, schema),
        "semantic_indexing": {"disabled_segment_fields": [], "disabled_video_level_fields": []},
    }


def _video_level(wish: dict[str, Any], segment_schema: dict[str, Any]) -> dict[str, Any] | None:
    instructions = str(wish.get("video_instructions") or "").strip()
    schema = _schema(wish.get("video_fields") or [], _MAX_VIDEO_FIELDS)
    if not instructions or not schema["properties"]:
        return None
    return {
        "instructions_text": instructions[:12000],
        "included_segment_fields": [leaf.path for leaf in leaf_paths(segment_schema)] + [TRANSCRIPTION],
        "json_schema": admit(schema),
    }


def _schema(fields: list[dict[str, Any]], most: int) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in fields[:most]:
        name = re.sub(r"\W+", "_", field["name"].strip().lower()).strip("_")[:64]
        if not name:
            continue
        kind: dict[str, Any] = {"type": field["type"]}
        if field.get("is_list"):
            kind = {"type": "array", "items": kind}
        if field.get("description"):
            kind["description"] = field["description"][:500]
        properties.setdefault(name, kind)
    return {"type": "object", "properties": properties}


def _fitted(text: str, instruction: str, least: int, most: int) -> str:
    """The model's words where they are long enough, else the wish itself, which may need words around it."""
    words = text.strip() if len(text.strip()) >= least else instruction
    return (words if len(words) >= least else f"Extract from this segment: {words}")[:most]
