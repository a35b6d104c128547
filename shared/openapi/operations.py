"""One operation of the document, from its route."""

import inspect
from http import HTTPStatus
from itertools import groupby
from typing import Any

from shared.domain.errors import ErrorCode
from shared.http.routes import Route, Scope
from shared.openapi.codes import codes_of
from shared.openapi.examples import example_of, id_named
from shared.openapi.models import Models

_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
_WAITED_FOR = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.IDEMPOTENCY_IN_PROGRESS})
_ACCESS = {
    Scope.PUBLIC: "Needs no credential.",
    Scope.ANY: "Needs any valid credential.",
    Scope.JWT_ONLY: "Needs the owner's bearer JWT; an API key is refused.",
}
_BINARY = {"type": "string", "format": "binary"}


def operation(family: str, route: Route, models: Models) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation_id(family, route),
        "tags": [family],
        "summary": route.summary,
        "description": _description(route),
        "security": _security(route),
        "x-required-scope": route.scope.value,
    }
    if route.deprecated:
        said["deprecated"] = True
    parameters = _parameters(route, models)
    if parameters:
        said["parameters"] = parameters
    if route.body or route.multipart:
        said["requestBody"] = _request_body(route, models)
    said["responses"] = _responses(route, models)
    return said


def operation_id(family: str, route: Route) -> str:
    """The family's name and the handler's; stable, since both are code."""
    module, family = route.handler.__module__.rpartition(".")[2], family.replace("-", "_")
    parts = [family, route.handler.__name__] if module == "handlers" else [family, module, route.handler.__name__]
    return "_".join([*parts, "at_root"] if route.at_root else parts)


def _description(route: Route) -> str:
    documented = inspect.getdoc(route.handler) or ""
    said = [documented.partition("\n")[2].strip(), _ACCESS.get(route.scope, f"Needs the scope `{route.scope.value}`.")]
    if route.idempotent:
        said.append("May be repeated safely with an `Idempotency-Key`.")
    if route.multipart:
        said.append("Sent as multipart/form-data.")
    return " ".join(part for part in said if part)


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.scope is Scope.PUBLIC:
        return []
    if route.scope is Scope.JWT_ONLY:
        return [{"bearer": []}]
    scopes = [] if route.scope is Scope.ANY else [route.scope.value]
    return [{"apiKey": scopes}, {"bearer": scopes}]


def _parameters(route: Route, models: Models) -> list[dict[str, Any]]:
    named = [_path_parameter(name) for name in route.parameters]
    if route.query is not None:
        schema = models.resolved(route, "query")
        required = schema.get("required", [])
        named += [_query_parameter(name, kind, name in required) for name, kind in schema.get("properties", {}).items()]
    if route.idempotent:
        named.append({"$ref": "#/components/parameters/IdempotencyKey"})
    return named


def _path_parameter(name: str) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    example = id_named(name)
    return {**parameter, "example": example} if example else parameter


def _query_parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """A query cannot carry null: an optional one is left out."""
    schema = dict(schema)
    choices = [one for one in schema.pop("anyOf", []) if one.get("type") != "null"]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    if schema.get("default", ...) is None:
        del schema["default"]
    description = schema.pop("description", "")
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": required, "schema": schema}
    return {**parameter, "description": description} if description else parameter


def _request_body(route: Route, models: Models) -> dict[str, Any]:
    if route.multipart is not None:
        form = models.resolved(route, "form")
        files = {name: _BINARY for name in route.file_parts}
        schema = {
            **form,
            "properties": {**files, **form.get("properties", {})},
            "required": [*files, *form.get("required", [])],
        }
        return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    schema = models.of(route, "body")
    required = bool(models.resolved(route, "body").get("required"))
    if not required:  # no body, {} and null are equal
        schema = {"anyOf": [schema, {"type": "null"}]}
    content = {"schema": schema, "example": dict(example_of(route, models))}
    return {"required": required, "content": {"application/json": content}}


def _responses(route: Route, models: Models) -> dict[str, Any]:
    said: dict[str, Any] = {str(route.status): _success(route, models)}
    for status, group in groupby(codes_of(route), key=lambda code: code.status):
        codes = list(group)
        said[str(status)] = {"$ref": f"#/components/responses/{_named(codes[0])}"} if len(codes) == 1 else _failure(codes)
    return dict(sorted(said.items()))


def _success(route: Route, models: Models) -> dict[str, Any]:
    content: dict[str, Any] = {name: {"schema": _schema_of(name)} for name in route.media_types}
    if route.answer is not None or not content:
        schema = models.of(route, "answer") if route.answer is not None else {}
        content = {"application/json": {"schema": schema}, **content}
    headers = dict(_REQUEST_ID)
    if route.deprecated:
        headers["Deprecation"] = {"$ref": "#/components/headers/Deprecation"}
    return {"description": HTTPStatus(route.status).phrase, "headers": headers, "content": content}


def _schema_of(media_type: str) -> dict[str, Any]:
    if media_type.startswith("text/"):
        return {"type": "string"}
    return {"description": "A document"} if media_type.endswith("json") else dict(_BINARY)


def lone_failures() -> dict[str, Any]:
    """The answer of each code, for operations that answer its status with no other."""
    return {_named(code): _failure([code]) for code in ErrorCode}


def _named(code: ErrorCode) -> str:
    return "".join(word.capitalize() for word in code.code.split("_"))


def _failure(codes: list[ErrorCode]) -> dict[str, Any]:
    headers = {**_REQUEST_ID, **_RETRY_AFTER} if _WAITED_FOR & set(codes) else _REQUEST_ID
    return {
        "description": " ".join(f"`{code.code}`: {code.cure}" for code in codes),
        "headers": dict(headers),
        "content": _ERROR,
        "x-error-codes": [code.code for code in codes],
    }
