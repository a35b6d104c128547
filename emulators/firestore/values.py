"""Every Firestore value as bytes that sort as Firestore sorts values, of whatever types.

null < boolean < number < timestamp < string < bytes < reference < geo point < array < vector < map.
No encoding is the beginning of another, so encodings can be strung together and turned bit by bit for descending order.
Equal values (1 and 1.0, 0.0 and -0.0) have equal encodings, so equality is equality of bytes.
"""

import math
import struct
from typing import Any

from .names import segment_key

NULL, BOOLEAN, NUMBER, TIMESTAMP, STRING, BYTES, REFERENCE, GEO, ARRAY, VECTOR, MAP = range(5, 60, 5)
INDEXED_BYTES = 1500
"""Production cuts indexed values here, and so do we: longer ones sort and are found by their beginning."""

_TURNED = bytes(255 - b for b in range(256))
_SIGN = 1 << 63
_NAN = b"\0" * 10


def encode(value: Any) -> bytes:
    """The sortable bytes of a `Value` message."""
    kind = value.WhichOneof("value_type")
    if kind == "string_value":
        return b"\x19" + value.string_value.encode().replace(b"\0", b"\0\xff") + b"\0\x01"
    return _ENCODERS[kind](value)


def encode_indexed(value: Any) -> bytes:
    """As `encode`, cut to what an index keeps of a value."""
    return encode(value)[:INDEXED_BYTES]


def turned(encoded: bytes) -> bytes:
    """The encoding that sorts the other way round."""
    return encoded.translate(_TURNED)


def after_all_with(prefix: bytes) -> bytes | None:
    """The smallest bytes that sort after everything starting with `prefix`; None if there are none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def is_number(value: Any) -> bool:
    return value.WhichOneof("value_type") in ("integer_value", "double_value")


def is_vector(fields: Any) -> bool:
    return "__type__" in fields and fields["__type__"].string_value == "__vector__"


def _double(number: float) -> bytes:
    bits = struct.unpack(">Q", struct.pack(">d", number))[0]
    return struct.pack(">Q", bits ^ 0xFFFFFFFFFFFFFFFF if bits & _SIGN else bits | _SIGN)


def encode_number(number: int | float) -> bytes:
    """Integers and doubles in one exact order: the nearest double, then how far the integer lies from it."""
    if isinstance(number, float):
        if math.isnan(number):
            return b"\x0f" + _NAN
        return b"\x0f" + _double(number + 0.0) + b"\x80\0"
    nearest = float(number)
    return b"\x0f" + _double(nearest) + struct.pack(">H", number - int(nearest) + 0x8000)


def _boolean(value: Any) -> bytes:
    return b"\x0a\x01" if value.boolean_value else b"\x0a\0"


def _timestamp(value: Any) -> bytes:
    stamp = value.timestamp_value
    return b"\x14" + struct.pack(">QI", stamp.seconds + _SIGN, stamp.nanos)


def _bytes(value: Any) -> bytes:
    return b"\x1e" + value.bytes_value.replace(b"\0", b"\0\xff") + b"\0\x01"


def encode_reference(name: str) -> bytes:
    return b"\x23" + b"".join(segment_key(s) for s in name.split("/")) + b"\0\0"


def _geo(value: Any) -> bytes:
    point = value.geo_point_value
    return b"\x28" + _double(point.latitude + 0.0) + _double(point.longitude + 0.0)


def _array(value: Any) -> bytes:
    return b"\x2d" + b"".join(encode(item) for item in value.array_value.values) + b"\0"


def _map(value: Any) -> bytes:
    fields = value.map_value.fields
    if is_vector(fields):
        items = fields["value"].array_value.values
        return b"\x32" + struct.pack(">I", len(items)) + b"".join(encode(item) for item in items)
    keyed = sorted((key.encode(), key) for key in fields)
    return b"\x37" + b"".join(b"\x19" + segment_key(k) + encode(fields[k]) for _, k in keyed) + b"\0"


_ENCODERS: dict[str | None, Any] = {
    None: lambda _: b"\x05",
    "null_value": lambda _: b"\x05",
    "boolean_value": _boolean,
    "integer_value": lambda v: encode_number(v.integer_value),
    "double_value": lambda v: encode_number(v.double_value),
    "timestamp_value": _timestamp,
    "bytes_value": _bytes,
    "reference_value": lambda v: encode_reference(v.reference_value),
    "geo_point_value": _geo,
    "array_value": _array,
    "map_value": _map,
}
