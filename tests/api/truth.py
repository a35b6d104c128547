"""Whether an answer is what its route says: held against every answer that a test gets."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
from pydantic import TypeAdapter

from shared.domain.errors import ErrorCode
from shared.http.routes import Route
from shared.openapi.codes import codes_of

_OF_NO_ROUTE = {ErrorCode.ROUTE_NOT_FOUND, ErrorCode.METHOD_NOT_ALLOWED}


def assert_as_described(route: Route, status: int, headers: dict[str, str], body: bytes) -> None:
    kind = headers.get("Content-Type", "").partition(";")[0]
    if status >= 400:
        code = ErrorCode[json.loads(body)["error"]["code"].upper()]
        told = f"{code.code} is not among the errors that {route.id} names: add it to errors= of the route"
        assert code in _OF_NO_ROUTE or code in codes_of(route), told
    elif status == 200 and kind and kind in route.media_types:
        return
    elif route.answer is not None and status not in (301, 302, 303, 307):
        assert kind == "application/json", f"{route.id} answers {kind}: name it in media_types= of the route"
        faults = [f"{fault.instance_path}: {fault.message}" for fault in _validator(route.answer).iter_errors(json.loads(body))]
        assert not faults, f"{route.id} does not answer what its answer= says: {faults[:5]}"


@cache
def _validator(answer: Any) -> Any:
    schema = TypeAdapter(answer).json_schema(mode="serialization")
    return jsonschema_rs.Draft202012Validator(_closed(schema), validate_formats=True)


def _closed(schema: Any) -> Any:
    """What is not described may not be answered; a TypedDict's own extra fields would go unseen else."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
