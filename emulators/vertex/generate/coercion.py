"""Fitting values to a shape: what was written elsewhere under the same name, and what is least wrong when nothing is known."""

import math
from collections.abc import Sequence
from typing import Any

from emulators.vertex.generate.shape import Shape

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})()
# Members of an enum that say "not known" in so many words.
UNKNOWN_MEMBERS = ("unknown", "none", "unspecified", "undetermined", "n/a", "na", "not visible", "not applicable", "other")


def coerced(value: Any, shape: Shape) -> Any:
    """The value as the shape wants it, without changing what it says; MISSING if that cannot be."""
    if value is None:
        return None if shape.nullable or shape.kind == "null" else MISSING
    if shape.enum is not None:
        return member(value, shape.enum)
    convert = _CONVERSIONS.get(shape.kind)
    return convert(value, shape) if convert is not None else MISSING


def member(value: Any, enum: Sequence[Any]) -> Any:
    """The member that the value is, up to case and spacing."""
    for one in enum:
        if type(one) is type(value) and one == value:
            return one
    wanted = _folded(value)
    return next((one for one in enum if one is not None and not isinstance(one, dict | list) and _folded(one) == wanted), MISSING)


def _folded(value: Any) -> str:
    return " ".join(str(value).casefold().replace("_", " ").replace("-", " ").split())


def _string(value: Any, shape: Shape) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) if value else MISSING
    return MISSING


def fitted(number: float, shape: Shape) -> Any:
    """The number if the shape's bounds allow it; a measure is never bent to fit."""
    if not math.isfinite(number):
        return MISSING
    if not _within(number, shape):
        return MISSING
    if shape.kind == "integer":
        whole = round(number)
        return whole if _within(whole, shape) else MISSING
    return number


def _within(number: float, shape: Shape) -> bool:
    return (shape.least is None or number >= shape.least) and (shape.most is None or number <= shape.most)


def _number(value: Any, shape: Shape) -> Any:
    if isinstance(value, str):
        try:
            value = float(value.strip().rstrip("%s").replace(",", ""))
        except ValueError:
            return MISSING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return MISSING
    return fitted(value, shape)


def _boolean(value: Any, shape: Shape) -> Any:
    if isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower(), MISSING)
    return value if isinstance(value, bool) else MISSING


def _array(value: Any, shape: Shape) -> Any:
    inner = shape.items
    values = value if isinstance(value, list) else [value]
    if inner is None or shape.prefix:
        return MISSING
    fit = [one for one in (coerced(item, inner) for item in values) if one is not MISSING]
    fit = distinct(fit)[: shape.max_items] if shape.max_items is not None else fit
    return fit if len(fit) >= shape.min_items and (fit or not values) else MISSING


def _object(value: Any, shape: Shape) -> Any:
    if not isinstance(value, dict):
        return MISSING
    fit: dict[str, Any] = {}
    for name, inner in shape.properties.items():
        one = coerced(value[name], inner) if name in value else MISSING
        if one is not MISSING:
            fit[name] = one
        elif name in shape.required:
            return MISSING
    return fit if fit or not shape.properties else MISSING


def _anything(value: Any, shape: Shape) -> Any:
    return value


_CONVERSIONS = {
    "string": _string,
    "number": _number,
    "integer": _number,
    "boolean": _boolean,
    "array": _array,
    "object": _object,
    "any": _anything,
}


def distinct(values: Sequence[Any]) -> list[Any]:
    """Each value once, in order; works for what cannot be hashed."""
    kept: list[Any] = []
    seen: set[str] = set()
    for value in values:
        mark = repr(value)
        if mark not in seen:
            seen.add(mark)
            kept.append(value)
    return kept


def neutral(shape: Shape) -> Any:
    """The emptiest value of the shape, for a required place about which nothing is known."""
    if (shape.nullable or shape.kind in ("null", "any")) and (shape.enum is None or None in shape.enum):
        return None
    if shape.enum is not None:
        return next((one for name in UNKNOWN_MEMBERS for one in shape.enum if _folded(one) == name), shape.enum[0])
    if shape.kind == "object":
        return {name: neutral(inner) for name, inner in shape.properties.items() if name in shape.required}
    if shape.kind == "array":
        return padded([], shape)
    if shape.kind in ("number", "integer"):
        return _nearest_to_zero(shape)
    return {"string": "", "boolean": False}.get(shape.kind)


def padded(values: list[Any], shape: Shape) -> list[Any]:
    """The list with empty items up to the length the shape demands."""
    while len(values) < shape.min_items:
        at = len(values)
        inner = shape.prefix[at] if at < len(shape.prefix) else shape.items
        if inner is None:
            break
        values.append(neutral(inner))
    return values


def _nearest_to_zero(shape: Shape) -> float | int:
    number = 0.0
    if shape.least is not None and number < shape.least:
        number = shape.least
    if shape.most is not None and number > shape.most:
        number = shape.most
    if shape.kind == "integer":
        return math.ceil(number) if number > 0 else math.floor(number)
    return int(number) if number == int(number) else number
