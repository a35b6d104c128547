"""Bodies that the reference shows; the tests send every one of them. What is not written out here follows from the model."""

from collections.abc import Mapping
from typing import Any

from shared.domain.ids import PREFIXES, derived_id
from shared.http.routes import Route
from shared.openapi.models import Models

_OTHER_NOUNS = {
    "key": "api_key",
    "job": "import_job",
    "source_connector": "connector",
    "destination_connector": "connector",
    "target_index": "index",
    "prompt_run": "run",
}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {"type": "string", "description": "the words on the screen"},
        "people": {"type": "array", "items": {"type": "string"}},
    },
}


def example_id(noun: str) -> str:
    """The id that stands for one of this noun wherever the reference shows one."""
    return derived_id(noun, "example")


def noun_named(name: str) -> str | None:
    """What a field or parameter of this name holds ids of; None where it names no thing of ours."""
    stem = name.removesuffix("s")
    if not stem.endswith("_id"):
        return None
    stem = stem.removesuffix("_id")
    noun = _OTHER_NOUNS.get(stem, stem)
    return noun if noun in PREFIXES else None


def id_named(name: str) -> str | None:
    """The example for a field or parameter of this name."""
    noun = noun_named(name)
    return example_id(noun) if noun else None


_FIELD = {"field": "headline", "operator": "contains", "type": "string", "value": "minister"}
_PROMPT = {
    "name": "Headlines",
    "description": "What is written and who is seen",
    "prompt_text": "Read the words on the screen and name the people.",
    "json_schema": SCHEMA,
}
WRITTEN_OUT: dict[str, dict[str, Any]] = {
    "POST /api-keys": {"name": "Nightly import", "scopes": ["write"], "expires_in_days": 90},
    "POST /auth/processing-activity": {"event_id": "evt-1", "surface": "sdk", "reason": "upload"},
    "POST /indexes": {"name": "Archive 2026", "description": "Evening news"},
    "POST /prompts": _PROMPT,
    "PUT /prompts/{prompt_id}": {"name": "Headlines and people"},
    "POST /prompts/test-schema": {"json_schema": SCHEMA, "sample_data": {"headline": "Election night", "people": ["Ada"]}},
    "POST /prompts/generate": {"instruction": "Find every headline that is shown and the people who speak."},
    "POST /prompt-runs/execute": {
        "prompt_id": example_id("prompt"),
        "target": {"type": "index", "index_id": example_id("index")},
        "video_segmentation_type": "fixed",
        "video_segment_duration": 30,
    },
    "POST /prompt-runs/estimate": {"prompt_id": example_id("prompt"), "target": {"type": "playground"}},
    "PUT /markers": {
        "target_type": "video",
        "target_id": example_id("video"),
        "color": "#e0245e",
        "note": "to be checked",
    },
    "POST /videos": {
        "title": "Evening news",
        "video_uri": "gs://media-archive/2026/04/news.mp4",
        "index_id": example_id("index"),
    },
    "POST /videos/upload-session": {"title": "Evening news", "content_type": "video/mp4", "size_bytes": 1_500_000_000},
    "POST /videos/batch/segments": {"video_ids": [example_id("video")]},
    "POST /videos/signed-url": {"gcs_uri": "gs://media-archive/2026/04/news.mp4"},
    "POST /connectors/gcs": {"name": "Archive GCS", "bucket": "media-archive", "gcp_project_id": "media-archive"},
    "POST /connectors/s3": {
        "name": "Archive S3",
        "bucket": "media-archive",
        "region": "us-east-1",
        "aws_access_key_id": "AKIAEXAMPLE",
        "aws_secret_access_key": "example-secret-access-key",
        "scopes": ["import", "export"],
        "export_base_path": "exports/review",
        "import_mode": "new_only",
    },
    "POST /connectors/azure": {
        "name": "Archive Azure",
        "storage_account": "mediaarchive",
        "container": "footage",
        "tenant_id": "11111111-2222-3333-4444-555555555555",
        "client_id": "66666666-7777-8888-9999-000000000000",
        "client_secret": "example-client-secret",
        "scopes": ["import"],
    },
    "POST /webhooks": {
        "name": "Newsroom",
        "url": "https://hooks.example.com/videovector",
        "events": ["media.created", "export.ready"],
    },
    "POST /indexes/{index_id}/search": {"query": "a reporter outside a station", "top_k": 10},
    "POST /indexes/{index_id}/image-search": {"image_data": _PNG, "top_k": 10},
    "POST /indexes/{index_id}/multimodal-search": {"text_query": "a red car", "image_data": _PNG},
    "POST /search/multi-run": {"query": "election results", "run_ids": [example_id("run")], "aggregation": "best"},
    "POST /playground/search": {"query": "a reporter outside a station"},
    "POST /search/filter/playground": {"conditions": [_FIELD]},
    "POST /search/filter/{index_id}": {"conditions": [_FIELD], "page_size": 20},
    "POST /workflow/upload": {"title": "Evening news", "index_name": "Archive 2026"},
    "POST /workflow/attachments": {
        "files": [{"download_url": "https://files.example.com/news.mp4", "file_id": "file-1", "file_name": "news.mp4"}],
        "index_name": "Archive 2026",
    },
    "POST /workflow/process": {"prompt_id": example_id("prompt"), "index_id": example_id("index")},
    "POST /workflow/search": {"query": "a reporter outside a station", "limit": 10},
    "POST /search/sql/{index_id}": {"query": "SELECT 1 AS one", "result_limit": 10},
    "POST /search/sql/{index_id}/generate": {"instruction": "Count the results by run."},
}


def example_of(route: Route, models: Models) -> Mapping[str, Any]:
    """A body (or form, without its files) that the route takes."""
    written = route.example or WRITTEN_OUT.get(route.id)
    if written is not None:
        return written
    return _object(models.resolved(route, "body" if route.body else "form"), models)


def _object(schema: dict[str, Any], models: Models) -> dict[str, Any]:
    """Of the required fields only."""
    properties = schema.get("properties", {})
    return {name: value_named(name, properties[name], models) for name in schema.get("required", [])}


def value_named(name: str, schema: dict[str, Any], models: Models) -> Any:
    """Some value that the schema takes; ids are those of the reference's own things."""
    schema = models.at(schema)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return value_named(name, schema[choice][0], models)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        return _object(schema, models)
    if kind == "array":
        return [value_named(name, schema.get("items", {}), models)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return schema.get("default") or max(1, schema.get("minimum", 1))
    if kind == "boolean":
        return True
    return (id_named(name) or f"A {name.replace('_', ' ')}").ljust(schema.get("minLength", 0), ".")[
        : schema.get("maxLength", 10_000)
    ]
