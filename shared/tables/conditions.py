"""A filter's conditions: what may be asked of which field, and the SQL that asks it.

A field below lists (`scene.people[].emotion`) matches when any of its values does. Texts are compared as they are written, with
their case. An absent list is an empty one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import ApiError, ErrorCode
from shared.tables.layout import Array, Column, Layout
from shared.tables.literals import quoted

_NUMERIC = ("equals", "greater_than", "greater_equal", "less_than", "less_equal")
OPERATORS: dict[str, tuple[str, ...]] = {
    "string": ("equals", "contains", "starts_with", "ends_with", "is_empty", "is_not_empty"),
    "integer": _NUMERIC,
    "number": _NUMERIC,
    "boolean": ("equals",),
    "array": ("item_equals", "item_contains", "length_equals", "length_greater", "length_less", "is_empty", "is_not_empty"),
}
VALUELESS = frozenset({"is_empty", "is_not_empty"})
LENGTHS = frozenset({"length_equals", "length_greater", "length_less"})
_SIGNS = {"greater_than": ">", "greater_equal": ">=", "less_than": "<", "less_equal": "<="}
_NUMBERS = ("integer", "number")
MOST_NAMED = 60  # fields that an error lists


@dataclass(frozen=True)
class Condition:
    """`type` is what the caller takes the field for: the type of its values, or `array` for the list itself."""

    field: str
    operator: str
    type: str
    value: Any = None


@dataclass(frozen=True)
class Asked:
    """A piece of SQL over the columns of a table of rows, and the values of its parameters in order."""

    sql: str
    values: tuple[Any, ...] = ()


def compile_condition(condition: Condition, layout: Layout) -> Asked | None:
    """None where the layout has no such field of such a type: no row of it can match."""
    if condition.type == "array":
        array = _array(condition.field, layout)
        return _of_array(condition, array, layout) if array else None
    column = _column(condition.field, layout)
    if column is None or not _same_type(condition.type, column.type):
        return None
    return _of_list(condition, column) if column.is_list else _of_scalar(condition, column)


def check_fields(conditions: Sequence[Condition], layouts: Sequence[Layout]) -> None:
    """422 for a field that none of the layouts has, or has as another type, with what there is. Nothing to check without any."""
    if not layouts:
        return
    for number, condition in enumerate(conditions):
        if any(compile_condition(condition, layout) for layout in layouts):
            continue
        taken_as = _taken_as(condition.field, layouts)
        where = f"conditions.{number}.field"
        if not taken_as:
            raise _refused(where, f"there is no field {condition.field[:200]!r} in the completed runs searched", layouts)
        if condition.type not in taken_as:
            where = f"conditions.{number}.type"
            raise _refused(where, f"{condition.field!r} is not of type {condition.type} but {' or '.join(taken_as)}", layouts)
        raise _refused(f"conditions.{number}.value", f"the items of {condition.field!r} are of another type", layouts)


def fields_of(layouts: Sequence[Layout]) -> list[dict[str, Any]]:
    """Every field that can be asked about, by path, with its types and their operators."""
    types: dict[str, list[str]] = {}
    for layout in layouts:
        for column in layout.columns:
            types.setdefault(column.path, []).append(column.type)
        for array in layout.arrays:
            types.setdefault(array.path, []).append("array")
    return [
        {"field": path, "types": sorted(set(kinds)), "operators": {kind: OPERATORS[kind] for kind in sorted(set(kinds))}}
        for path, kinds in types.items()
    ]


def _refused(where: str, message: str, layouts: Sequence[Layout]) -> ApiError:
    fields = fields_of(layouts)
    names = ", ".join(f"{one['field']} ({'/'.join(one['types'])})" for one in fields[:MOST_NAMED])
    told = f"{message}; valid fields: {names or 'none'}"
    details = {"errors": [{"field": where, "message": told}], "valid_fields": fields}
    return ApiError(ErrorCode.VALIDATION_FAILED, f"{where}: {told}", details=details)


def _taken_as(field: str, layouts: Sequence[Layout]) -> list[str]:
    found: set[str] = set()
    for layout in layouts:
        column = _column(field, layout)
        if column:
            found |= set(_NUMBERS) if column.type in _NUMBERS else {column.type}
        if _array(field, layout):
            found.add("array")
    return sorted(found)


def _bare(path: str) -> str:
    return path.replace("[]", "")


def _column(field: str, layout: Layout) -> Column | None:
    """By its canonical path; the brackets may be left out."""
    exact = next((one for one in layout.columns if one.path == field), None)
    return exact or next((one for one in layout.columns if "[]" not in field and _bare(one.path) == field), None)


def _array(field: str, layout: Layout) -> Array | None:
    exact = next((one for one in layout.arrays if field in (one.path, one.path.removesuffix("[]"))), None)
    return exact or next((one for one in layout.arrays if "[]" not in field and _bare(one.path) == field), None)


def _same_type(asked: str, stored: str) -> bool:
    return asked == stored or (asked in _NUMBERS and stored in _NUMBERS)


def _of_scalar(condition: Condition, column: Column) -> Asked:
    name, operator = quoted(column.physical), condition.operator
    if operator == "is_empty":
        return Asked(f"coalesce(trim({name}), '') = ''")
    if operator == "is_not_empty":
        return Asked(f"coalesce(trim({name}), '') <> ''")
    if operator in ("contains", "starts_with", "ends_with"):
        return Asked(f"{operator}({name}, ?)", (condition.value,))
    return Asked(f"{name} {_SIGNS.get(operator, '=')} ?", (condition.value,))


def _of_list(condition: Condition, column: Column) -> Asked:
    """Any value of the list: of all that are greater than something, the greatest is."""
    name, operator, value = quoted(column.physical), condition.operator, condition.value
    if operator in VALUELESS:
        sign = "=" if operator == "is_empty" else ">"
        return Asked(f"coalesce(len(list_filter({name}, lambda one: trim(one) <> '')), 0) {sign} 0")
    if operator in ("contains", "starts_with", "ends_with"):
        return Asked(f"len(list_filter({name}, lambda one: {operator}(one, ?))) > 0", (value,))
    if operator in _SIGNS:
        extreme = "list_max" if operator.startswith("greater") else "list_min"
        return Asked(f"{extreme}({name}) {_SIGNS[operator]} ?", (value,))
    return Asked(f"list_contains({name}, ?)", (value,))


def _of_array(condition: Condition, array: Array, layout: Layout) -> Asked | None:
    lengths, operator = f"coalesce({quoted(array.physical)}, [0])", condition.operator
    by_length: dict[str, Callable[[], Asked]] = {
        "is_empty": lambda: Asked(f"list_max({lengths}) = 0"),
        "is_not_empty": lambda: Asked(f"list_max({lengths}) > 0"),
        "length_equals": lambda: Asked(f"list_contains({lengths}, ?)", (condition.value,)),
        "length_greater": lambda: Asked(f"list_max({lengths}) > ?", (condition.value,)),
        "length_less": lambda: Asked(f"list_min({lengths}) < ?", (condition.value,)),
    }
    if operator in by_length:
        return by_length[operator]()
    items = next((one for one in layout.columns if one.path == array.path), None)
    if items is None or not _same_type(_type_of(condition.value), items.type):
        return None  # a list of objects, or of other things: compare a field of its items instead
    if operator == "item_contains" and items.type != "string":
        return None
    test = "equals" if operator == "item_equals" else "contains"
    return _of_list(Condition(items.path, test, items.type, condition.value), items)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"
