"""What the MCP tools take and answer, from the routes they call: the content of functions/api/mcp/tools.json."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from functions.api.mcp.table import TOOLS
from functions.api.mcp.tools import Argument, Tool
from infra.manifests import ROOT
from shared.http.routes import Route
from shared.openapi.models import Models, Part

FILE = ROOT / "functions" / "api" / "mcp" / "tools.json"
_REF = "#/components/schemas/"
_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_COUNT = {"type": "integer", "minimum": 0}
_SAID = {
    "query": "What to look for, as a plain sentence",
    "index_id": "Id of an index (idx_…), as list_indexes tells it",
    "video_id": "Id of a video, audio file or image (vid_…)",
    "run_id": "Id of a prompt run (run_…), as execute_prompt and list_prompt_runs tell it",
    "prompt_id": "Id of a prompt (prm_…), as list_prompts tells it",
    "segment_id": "Id of a segment (seg_…)",
    "retry_id": "What retry_prompt_run_segment answered (rty_…)",
    "connector_id": "Id of a connector (conn_…), as list_connectors tells it",
    "job_id": "Id of an import job (imp_…)",
    "export_id": "Id of an export (exp_…)",
    "webhook_id": "Id of a webhook (whk_…)",
    "session_id": "Goes on with this conversation, as an earlier answer named it; none: a new one",
    "top_k": "Most results to answer",
    "limit": "Most entries to answer",
    "page_size": "Most results to answer",
    "cursor": "Where to go on: next_cursor or next_page_token of the answer before, unchanged",
    "search_fields": "Only these extracted fields, each with everything below it; none: all",
    "run_ids": "Only what these runs found",
    "index_ids": "These indexes instead of index_id",
    "image_data": "The picture as base64: JPEG, PNG, WebP and more",
    "text_query": "What to look for, in words",
    "text_weight": "How much the words count beside the picture",
    "image_weight": "How much the picture counts beside the words",
    "conditions": "One to four; all must hold. is_empty and is_not_empty carry no value",
    "include_defaults": "With the shared ones that come with the product",
    "active_only": "Only those that can be run",
    "latest_run": "What the latest run over this medium extracted",
    "target": "What to run over",
    "video_segmentation_type": "How videos are cut: at scene changes (smart), by content, or into equal parts (fixed)",
    "audio_segmentation_type": "How audio is cut: by content, or into equal parts (fixed)",
    "video_segment_duration": "Seconds; required where video_segmentation_type is fixed",
    "audio_segment_duration": "Seconds; required where audio_segmentation_type is fixed",
    "processing_model": "The model that extracts",
    "enable_transcription": "Write down what is spoken",
    "enable_image_embedding": "Make pictures searchable by likeness",
    "prompt_text": "The instructions: what to look for in each segment",
    "json_schema": "JSON Schema of type object: what is answered for each segment",
    "video_level": "What is answered for each medium as a whole, from the fields of its segments",
    "semantic_indexing": "Fields that are not to be searched by meaning",
    "clear_video_level": "Take video_level away",
    "sample_data": "Something to hold against the schema",
    "credentials_json": "The service account's JSON key, as an object",
    "scopes": "What the connector may be used for",
    "export_base_path": "Exports stay below this path",
    "import_mode": "all, or new_only: what was not imported before",
    "prefix": "Only names that begin so",
    "pattern": "Only names that match, such as *.{mp4,mov}",
    "source_prefix": "Only names that begin so",
    "file_pattern": "Only names that match, such as *.{mp4,mov}",
    "recursive": "Folders below, too",
    "prompt_run_ids": "Only these runs",
    "destination_connector_id": "Write into this connector's bucket instead of keeping it for download",
    "destination_subpath": "Folder below the connector's export_base_path",
    "events": "Kinds of events, as list_webhook_events tells them",
    "metadata": "Goes out with every event",
    "question": "What to ask, in plain words",
    "video_ids": "Ids of media (vid_…)",
}
_IDEMPOTENCY = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^[\x21-\x7e]+$",
    "description": "The same key with the same arguments does nothing again and answers as the first time, for three days",
}
_OWN: dict[tuple[str, str], dict[str, Any]] = {
    ("list_prompt_runs", "index_id"): _ID,
    ("list_prompt_runs", "video_id"): _ID,
    ("list_prompt_runs", "cursor"): {"type": "string", "minLength": 1},
    ("filter_videos", "run_ids"): {"type": "array", "items": _ID, "minItems": 1, "maxItems": 100},
    ("create_gcs_connector", "credentials_json"): {"type": "object"},
    ("ask_library", "question"): {"type": "string", "minLength": 1, "maxLength": 4000},
    ("ask_library", "index_ids"): {"type": "array", "items": _ID, "maxItems": 100},
    ("ask_library", "prompt_run_ids"): {"type": "array", "items": _ID, "maxItems": 100},
    ("ask_library", "session_id"): _ID,
}
_SHORTENED = {
    "omitted": {**_COUNT, "description": "Entries left out because the answer would have been too long"},
    "note": {"type": "string", "description": "What was shortened, and how to get the rest"},
}


def content(routes: Sequence[Route]) -> str:
    """The file's text, the same for the same routes."""
    models, by_id = Models(routes), {route.id: route for route in routes}
    made = {name: _described(tool, by_id[tool.calls], models) for name, tool in TOOLS.items()}
    lines = (f"{json.dumps(name)}:{json.dumps(one, ensure_ascii=False, separators=(',', ':'))}" for name, one in made.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _described(tool: Tool, route: Route, models: Models) -> dict[str, Any]:
    return {"scope": route.scope.value, "arguments": _arguments(tool, route, models), "answer": _answer(tool, route, models)}


def _arguments(tool: Tool, route: Route, models: Models) -> dict[str, Any]:
    known = _fields(route, models)
    properties: dict[str, Any] = {}
    required = []
    for argument in tool.arguments:
        properties[argument.name] = _property(tool, argument, known)
        if argument.required:
            required.append(argument.name)
    if tool.writes:
        properties.setdefault("idempotency_key", _IDEMPOTENCY)
    made = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": required} if required else made


def _property(tool: Tool, argument: Argument, known: Mapping[str, Any]) -> dict[str, Any]:
    if argument.name == "idempotency_key":
        return _IDEMPOTENCY
    schema = _OWN.get((tool.name, argument.name)) or known[argument.name]
    schema = {name: value for name, value in schema.items() if name != "description"}
    if argument.default is not None:
        schema["default"] = argument.default
    elif argument.required or schema.get("default", ...) in (None, "", [], {}):
        schema.pop("default", None)
    said = _SAID.get(argument.name)
    return {**schema, "description": said} if said else schema


def _fields(route: Route, models: Models) -> dict[str, Any]:
    """Every field the route reads, wherever it stands, as a client may send it."""
    found: dict[str, Any] = {name: dict(_ID) for name in route.parameters}
    parts: list[tuple[Part, Any]] = [("query", route.query), ("body", route.body), ("form", route.multipart)]
    for part, model in parts:
        if model is not None:
            found |= models.resolved(route, part).get("properties", {})
    return {name: _sendable(_whole(schema, models)) for name, schema in found.items()}


def _sendable(schema: dict[str, Any]) -> dict[str, Any]:
    """Without null, which is the same as leaving it out, and without what only some readers of schemas know."""
    schema = {name: value for name, value in schema.items() if name not in ("discriminator", "writeOnly")}
    choices = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if len(choices) == 1:
        del schema["anyOf"]
        schema |= choices[0]
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema["properties"] = {name: _sendable(one) for name, one in properties.items()}
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            schema[keyword] = [_sendable(one) for one in schema[keyword]]
    if isinstance(schema.get("items"), dict):
        schema["items"] = _sendable(schema["items"])
    if "default" in schema and schema["default"] is None:
        del schema["default"]
    return schema


def _whole(schema: Any, models: Models, above: tuple[str, ...] = ()) -> Any:
    """With what it refers to in place: many clients follow no references. One that contains itself is left open there."""
    if isinstance(schema, list):
        return [_whole(one, models, above) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return {} if name in above else _whole(models.components[name], models, (*above, name))
    return {name: _whole(one, models, above) for name, one in schema.items()}


def _answer(tool: Tool, route: Route, models: Models) -> dict[str, Any]:
    answered = _bare(_whole(models.of(route, "answer"), models))
    shape = _SHAPES.get(tool.name)
    if shape is not None:
        answered = shape(answered)
    elif tool.wraps:
        answered = _object({tool.wraps: answered, "count": _COUNT})
    return {**answered, "properties": {**answered["properties"], **_SHORTENED}}


def _bare(schema: Any) -> Any:
    """Without descriptions: an answer's fields are read, not filled in, and a client holds the schemas of all tools."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _bare(one) for name, one in schema.items() if not (name == "description" and isinstance(one, str))}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [name for name in properties if name not in optional]}


def _indexes(answered: Any) -> dict[str, Any]:
    return _object({"total_indexes": _COUNT, "user_indexes": answered, "default_indexes": answered})


def _runs(answered: Any) -> dict[str, Any]:
    cursor = {"type": ["string", "null"]}
    return _object({"prompt_runs": answered, "count": _COUNT, "has_more": {"type": "boolean"}, "next_cursor": cursor})


def _asked(answered: Any) -> dict[str, Any]:
    fields = answered["properties"]
    message = next(one for one in fields["assistant_message"]["anyOf"] if one.get("type") != "null")["properties"]
    return _object(
        {
            "answer": {"type": "string"},
            "citations": message["citations"],
            "grounded": {"type": "boolean"},
            "notice": {"type": "string"},
            "model": {"type": "string"},
            **{name: fields[name] for name in ("session_id", "turn_id", "status")},
        }
    )


_SHAPES = {"list_indexes": _indexes, "list_prompt_runs": _runs, "ask_library": _asked}
