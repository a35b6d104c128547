"""Changes computed from what is stored: increment, maximum, minimum, array union and removal, server time."""

from typing import Any

from . import fields
from .messages import Value, timestamp
from .refusal import invalid
from .values import encode, encode_number, is_number

_INT64_MAX, _INT64_MIN = 2**63 - 1, -(2**63)
_MILLISECOND = 1000


def apply(document: Any, transform: Any, now_micros: int) -> Any:
    """Carries out one field transform in place and gives the value the client is told."""
    path = fields.parse_path(transform.field_path)
    kind = transform.WhichOneof("transform_type")
    stored = fields.find(document, path)
    if kind == "set_to_server_value":
        # Production promises this time with millisecond precision.
        outcome = Value(timestamp_value=timestamp(now_micros - now_micros % _MILLISECOND))
        fields.put(document, path, outcome)
        return outcome
    if kind in ("append_missing_elements", "remove_all_from_array"):
        fields.put(document, path, _array(stored, getattr(transform, kind).values, kind))
        return Value(null_value=0)
    if kind not in ("increment", "maximum", "minimum"):
        raise invalid(f"unknown transform of {transform.field_path}")
    operand = getattr(transform, kind)
    if not is_number(operand):
        raise invalid(f"{kind} takes a number")
    if stored is None or not is_number(stored):
        outcome = operand
    elif kind == "increment":
        outcome = _sum(stored, operand)
    else:
        outcome = _extreme(stored, operand, largest=kind == "maximum")
    kept = Value()
    kept.CopyFrom(outcome)
    fields.put(document, path, kept)
    return kept


def number_of(value: Any) -> int | float:
    if value.WhichOneof("value_type") == "integer_value":
        return int(value.integer_value)
    return float(value.double_value)


def _sum(stored: Any, operand: Any) -> Any:
    total = number_of(stored) + number_of(operand)
    if isinstance(total, int):
        return Value(integer_value=max(_INT64_MIN, min(_INT64_MAX, total)))
    return Value(double_value=total)


def _extreme(stored: Any, operand: Any, largest: bool) -> Any:
    ours, theirs = (encode_number(number_of(v)) for v in (stored, operand))
    if ours == theirs:
        return stored
    nan = encode_number(float("nan"))
    if nan in (ours, theirs):
        return stored if ours == nan else operand
    return operand if (theirs > ours) == largest else stored


def _array(stored: Any | None, operands: Any, kind: str) -> Any:
    outcome = Value()
    outcome.array_value.SetInParent()
    items = stored.array_value.values if stored is not None else []
    if kind == "remove_all_from_array":
        unwanted = {encode(item) for item in operands}
        outcome.array_value.values.extend(item for item in items if encode(item) not in unwanted)
        return outcome
    outcome.array_value.values.extend(items)
    present = {encode(item) for item in items}
    for item in operands:
        if encode(item) not in present:
            present.add(encode(item))
            outcome.array_value.values.append(item)
    return outcome
