"""From a tool's arguments to the call they make. What the API judges itself is left to it; it says best what is wrong."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from functions.api.mcp.calling import Asked, Refused, Sending
from functions.api.mcp.tools import Described, Tool

_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")
_NAMED = 80  # characters of a name that nobody knows are repeated to the caller


def prepare(tool: Tool, described: Described, given: Mapping[str, Any], asked: Asked) -> Sending:
    """Raises `Refused` for arguments that no call can be made of."""
    values = checked(tool, described, given)
    key = str(values.pop("idempotency_key", ""))
    sending_key = asked.key_for(tool.name, key) if tool.writes else ""
    if tool.name == "list_prompt_runs":
        return _listing_of_runs(values)
    path, rest = _placed(tool.path, values)
    if tool.name == "create_gcs_connector":
        return _gcs(path, rest, sending_key)
    if tool.method == "GET":
        return Sending(tool.method, path, query=_scalars(rest))
    return Sending(tool.method, path, body=rest, key=sending_key)


def checked(tool: Tool, described: Described, given: Mapping[str, Any]) -> dict[str, Any]:
    """With defaults, without nulls: those are the same as nothing."""
    properties = described.arguments["properties"]
    values = {name: value for name, value in given.items() if value is not None}
    errors = [_fault(name[:_NAMED], f"is not an argument of {tool.name}") for name in values if name not in properties][:5]
    errors += [_fault(name, "is required") for name in described.arguments.get("required", []) if name not in values]
    if errors:
        takes = ", ".join(properties) or "no arguments"
        raise _invalid(errors, f" {tool.name} takes: {takes}.")
    for argument in tool.arguments:
        if argument.default is not None:
            values.setdefault(argument.name, argument.default)
    for name, value in values.items():
        values[name] = _typed(name, value, properties[name])
    return values


def _typed(name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    """2.0 is the whole number 2 in JSON Schema, and for many clients; the API, which is strict, is sent 2."""
    kind = schema.get("type")
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "object" and not isinstance(value, dict):
        raise _invalid([_fault(name, "must be an object")])
    if schema.get("minItems") and value == []:
        raise _invalid([_fault(name, "must not be empty")])
    if name == "idempotency_key" and not (isinstance(value, str) and _KEY.match(value)):
        raise _invalid([_fault(name, "must be 1 to 255 visible ASCII characters")])
    return value


def _placed(path: str, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The path with its ids, and what is left."""
    rest = dict(values)
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", identifier(name, rest.pop(name)))
    return path, rest


def identifier(name: str, value: Any) -> str:
    """An id as one part of a path; nothing else gets into a path."""
    if not isinstance(value, str) or not _ID.match(value):
        raise _invalid([_fault(name, "must be an id, as the other tools answer it: letters, digits, - and _, at most 64")])
    return quote(value, safe="")


def _scalars(values: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise _invalid([_fault(name, "must be a text, a number or true or false")])
        if len(str(value)) > 2_000:
            raise _invalid([_fault(name, "is too long")])
    return dict(values)


def _listing_of_runs(values: dict[str, Any]) -> Sending:
    """One of three listings."""
    if "index_id" in values and "video_id" in values:
        raise _invalid([_fault("video_id", "goes without index_id: give one of them, or none")])
    if "index_id" in values:
        path = f"/indexes/{identifier('index_id', values.pop('index_id'))}/prompt-runs"
    elif "cursor" in values:
        raise _invalid([_fault("cursor", "goes with index_id only")])
    elif "video_id" in values:
        path = f"/videos/{identifier('video_id', values.pop('video_id'))}/prompt-runs"
    else:
        path = "/prompt-runs"
    return Sending("GET", path, query=_scalars(values))


def _gcs(path: str, values: dict[str, Any], key: str) -> Sending:
    """The API takes the key as a file."""
    credentials = json.dumps(values.pop("credentials_json")).encode()
    for name, value in values.items():
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in several):
            raise _invalid([_fault(name, "must be a text, or for scopes a list of texts")])
    files = {"credentials_file": ("credentials.json", credentials, "application/json")}
    return Sending("POST", path, body=values, files=files, key=key)


def _fault(name: str, message: str) -> dict[str, str]:
    return {"field": name, "message": message}


def _invalid(errors: list[dict[str, str]], hint: str = "") -> Refused:
    said = "; ".join(f"{one['field']} {one['message']}" for one in errors)
    return Refused("validation_failed", f"{said}.{hint}", details={"errors": errors})
