"""The OpenAPI 3.1 document as a whole."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from shared.http.answers import ErrorAnswer
from shared.http.routes import Route
from shared.openapi.models import Models
from shared.openapi.operations import lone_failures, operation

LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
ABOUT = """\
Upload media, extract fields from every segment with a prompt, and search, filter and ask what was found.

Send `X-API-Key: sk_live_…`, or `Authorization: Bearer <jwt>`. The scopes contain each other: admin, write, read, search; the
owner's JWT has every scope. Each operation says the one it needs.

Errors are always `{"error": {"code", "message", "details", "request_id", "timestamp"}}`; docs/errors.md says for every code what
it means and what to do. Writes take an `Idempotency-Key`: the same key with the same request is answered as the first time.
"""
_TITLE = "VideoVector functions"


@dataclass(frozen=True)
class Family:
    """One HTTP function: its name, what it does, its routes."""

    name: str
    description: str
    routes: Sequence[Route]


def document(families: Sequence[Family], version: str) -> dict[str, Any]:
    """The same for the same routes, byte for byte. Paths are whole, from the root of the host."""
    models = Models([route for family in families for route in family.routes])
    paths: dict[str, dict[str, Any]] = {}
    for family in families:
        for route in family.routes:
            paths.setdefault(route.address, {})[route.method.lower()] = operation(family.name, route, models)
    return _without_idle_components(
        {
            "openapi": "3.1.0",
            "info": {"title": _TITLE, "version": version, "description": ABOUT, "license": LICENSE},
            "servers": [{"url": "/", "description": "The host that serves this document"}],
            "tags": [{"name": family.name, "description": family.description} for family in families],
            "paths": {path: paths[path] for path in sorted(paths)},
            "components": {
                "securitySchemes": _SECURITY,
                "parameters": _PARAMETERS,
                "headers": _HEADERS,
                "responses": lone_failures(),
                "schemas": _schemas(models.components),
            },
        }
    )


def _without_idle_components(made: dict[str, Any]) -> dict[str, Any]:
    """Only components that an operation leads to."""
    components = made["components"]
    todo, used = _references(made["paths"]), set[str]()
    while todo:
        name = todo.pop()
        if name not in used:
            used.add(name)
            kind, _, own = name.partition("/")
            todo |= _references(components[kind][own])
    for kind, named in components.items():
        if kind != "securitySchemes":
            components[kind] = {own: value for own, value in named.items() if f"{kind}/{own}" in used}
    return made


def _references(value: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(value)))


def _schemas(components: Mapping[str, Any]) -> dict[str, Any]:
    error = TypeAdapter(ErrorAnswer).json_schema(ref_template="#/components/schemas/{model}")
    inner = error.pop("$defs")["ErrorBody"]
    return {**components, "Error": _untitled(error), "ErrorBody": _untitled(inner)}


def _untitled(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {name: _untitled(value) for name, value in schema.items() if not (name == "title" and isinstance(value, str))}


_SECURITY = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key of POST /api/v2/api-keys."},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The owner's token, or a key."},
}
_PARAMETERS = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key with the same request is answered as the first time and does nothing again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    }
}
_HEADERS = {
    "RequestId": {
        "description": "Names this request in our logs; the caller's own X-Request-Id where it sent a sane one.",
        "schema": {"type": "string"},
    },
    "Deprecation": {"description": "This operation is going away.", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Whole seconds to wait before trying again.", "schema": {"type": "integer", "minimum": 1}},
}
