"""What production refuses to store, refused here too."""

import re
from typing import Any

from .names import DocumentName
from .refusal import invalid
from .values import is_vector

MAX_DOCUMENT_BYTES = 1_048_576
MAX_REQUEST_BYTES = 10 * 1_048_576
MAX_DEPTH = 20
MAX_FIELD_NAME_BYTES = 1500
MAX_VECTOR = 2048
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_FIXED_SIZE = {
    None: 1,
    "null_value": 1,
    "boolean_value": 1,
    "integer_value": 8,
    "double_value": 8,
    "timestamp_value": 8,
    "geo_point_value": 16,
}


def check_request(size: int) -> None:
    if size > MAX_REQUEST_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.")


def check_document(name: DocumentName, document: Any) -> None:
    """Enforces size, depth, names and nesting, and drops what timestamps hold below a microsecond.

    Size is counted as Firestore's documentation counts it, names included.
    """
    size = _fields(document.fields, 0) + sum(len(s.encode()) + 1 for s in name.path.split("/")) + 16 + 32
    if size > MAX_DOCUMENT_BYTES:
        raise invalid(
            f"The document '{name.full}' is too large: {size} bytes; the maximum allowed size is {MAX_DOCUMENT_BYTES} bytes."
        )


def check_field_name(part: str) -> None:
    if not part:
        raise invalid("field names must not be empty")
    if part[0] == "_" and _RESERVED.fullmatch(part):
        raise invalid(f'field name "{part[:100]}" is reserved')
    if len(part) > 375 and len(part.encode()) > MAX_FIELD_NAME_BYTES:
        raise invalid(f"a field name is longer than {MAX_FIELD_NAME_BYTES} bytes")


def _fields(fields: Any, depth: int) -> int:
    size = 0
    for part, value in fields.items():
        check_field_name(part)
        size += (len(part) if part.isascii() else len(part.encode())) + 1 + _value(value, depth)
    return size


def _value(value: Any, depth: int) -> int:
    kind = value.WhichOneof("value_type")
    if kind == "string_value":
        text = value.string_value
        return (len(text) if text.isascii() else len(text.encode())) + 1
    if kind == "timestamp_value":
        below_micro = value.timestamp_value.nanos % 1000
        if below_micro:
            value.timestamp_value.nanos -= below_micro
        return 8
    fixed = _FIXED_SIZE.get(kind)
    if fixed is not None:
        return fixed
    if kind == "bytes_value":
        return len(value.bytes_value)
    if kind == "reference_value":
        return len(value.reference_value.encode()) + 1
    if depth + 1 > MAX_DEPTH:
        raise invalid(f"Property contains a value nested more than {MAX_DEPTH} levels deep.")
    if kind == "array_value":
        return _array(value.array_value.values, depth + 1)
    if kind == "map_value":
        fields = value.map_value.fields
        return _vector(fields) if is_vector(fields) else _fields(fields, depth + 1)
    raise invalid(f"a {kind} cannot be stored")


def _array(items: Any, depth: int) -> int:
    size = 0
    for item in items:
        if item.WhichOneof("value_type") == "array_value":
            raise invalid("Cannot convert an array value in an array value.")
        size += _value(item, depth)
    return size


def _vector(fields: Any) -> int:
    items = fields["value"].array_value.values if "value" in fields else []
    if set(fields) != {"__type__", "value"} or not 1 <= len(items) <= MAX_VECTOR:
        raise invalid(f"a vector has between 1 and {MAX_VECTOR} dimensions")
    if any(item.WhichOneof("value_type") != "double_value" for item in items):
        raise invalid("a vector holds doubles only")
    return 8 * len(items) + 24
