"""From a user's JSON Schema to typed columns.

A scalar leaf is a column; a leaf below lists (`scene.people[].emotion`) is a list column with the values of all items in order.
Each list of objects is also a table of its own, one row per item, joined by `row_id`. In the files columns have names of ours
(`c0`), so that nothing in a user's names can matter there.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.domain.leaves import leaves
from shared.domain.schema import LeafPath, leaf_paths

SQL_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_LARGEST = 2**63 - 1

ROW_COLUMNS: dict[str, str] = {
    "row_id": "VARCHAR",
    "run_id": "VARCHAR",
    "index_id": "VARCHAR",
    "video_id": "VARCHAR",
    "video_name": "VARCHAR",
    "media_type": "VARCHAR",
    "segment_id": "VARCHAR",
    "segment_number": "INTEGER",
    "start_time": "DOUBLE",
    "end_time": "DOUBLE",
    "transcript": "VARCHAR",
    "metadata_text": "VARCHAR",
}
ITEM_COLUMNS: dict[str, str] = {
    "row_id": "VARCHAR",
    "item_path": "VARCHAR",
    "item_number": "INTEGER",
    "run_id": "VARCHAR",
    "index_id": "VARCHAR",
    "video_id": "VARCHAR",
    "segment_id": "VARCHAR",
    "start_time": "DOUBLE",
    "end_time": "DOUBLE",
}
RUN_CREATED = "run_created_at"  # in the files of rows only: what listings are ordered by


@dataclass(frozen=True)
class Column:
    """`physical` is its name in the files."""

    path: str
    type: str
    physical: str
    is_list: bool

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type] + ("[]" if self.is_list else "")


@dataclass(frozen=True)
class Array:
    """A list in the data; its column holds the length of each instance (one, unless it stands in another list)."""

    path: str  # ends in []
    physical: str


@dataclass(frozen=True)
class Items:
    """A list of objects as a table of its own."""

    path: str  # ends in []
    physical: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Layout:
    """The tables of the results of one level: segments, or whole media items."""

    columns: tuple[Column, ...] = ()
    arrays: tuple[Array, ...] = ()
    items: tuple[Items, ...] = ()

    @classmethod
    def of_schema(cls, schema: dict[str, Any] | None) -> "Layout":
        found = leaf_paths(schema) if schema else []
        columns = tuple(Column(one.path, one.type, f"c{n}", "[]" in one.path) for n, one in enumerate(found))
        lists = list(dict.fromkeys(prefix for one in found for prefix in _list_prefixes(one.path)))
        arrays = tuple(Array(path, f"n{n}") for n, path in enumerate(lists))
        objects = [path for path in lists if any(one.path.startswith(path + ".") for one in found)]
        return cls(columns, arrays, tuple(Items(path, f"k{n}", _below(path, found)) for n, path in enumerate(objects)))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Layout":
        return cls(
            tuple(Column(**one) for one in data.get("columns", ())),
            tuple(Array(**one) for one in data.get("arrays", ())),
            tuple(
                Items(one["path"], one["physical"], tuple(Column(**c) for c in one["columns"])) for one in data.get("items", ())
            ),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def fingerprint(self) -> str:
        """Equal for layouts whose files can be read as one."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def row_types(self) -> dict[str, str]:
        """Column → type of the file of rows."""
        return {
            **ROW_COLUMNS,
            RUN_CREATED: "TIMESTAMP",
            **{c.physical: c.sql_type for c in self.columns},
            **{a.physical: "INTEGER[]" for a in self.arrays},
        }


def item_types(items: Items) -> dict[str, str]:
    """Column → type of the file of a list's items."""
    return {**ITEM_COLUMNS, **{c.physical: c.sql_type for c in items.columns}}


@dataclass(frozen=True)
class Shredded:
    """One result's values: of its row, and of each list's items by the list's physical name."""

    row: dict[str, Any]
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def shred(layout: Layout, row: dict[str, Any], data: Any) -> Shredded:
    """`row` has the values of `ROW_COLUMNS`; what does not fit its column's type is left out."""
    values = {**row, **_values(layout.columns, data)}
    for array in layout.arrays:
        lengths = [len(value) for _, value in instances(data, array.path)]
        values[array.physical] = lengths or None
    items = {one.physical: list(_items(one, row, data)) for one in layout.items}
    return Shredded(values, items)


def _items(items: Items, row: dict[str, Any], data: Any) -> Iterator[dict[str, Any]]:
    shared = {name: row[name] for name in ITEM_COLUMNS if name in row}
    for place, members in instances(data, items.path):
        for number, member in enumerate(members):
            own = {"item_path": f"{place}[{number}]", "item_number": number}
            yield {**shared, **own, **_values(items.columns, member, prefix=items.path + ".")}


def _values(columns: Iterable[Column], data: Any, prefix: str = "") -> dict[str, Any]:
    by_path: dict[str, list[Any]] = {}
    for leaf in leaves(data):
        by_path.setdefault(prefix + leaf.field_path, []).append(leaf.value)
    values: dict[str, Any] = {}
    for column in columns:
        fitting = [v for v in (fit(column.type, one) for one in by_path.get(column.path, ())) if v is not None]
        if column.is_list:
            values[column.physical] = fitting or None
        else:
            values[column.physical] = fitting[0] if fitting else None
    return values


def fit(kind: str, value: Any) -> Any:
    """The value as the column's type, or None where it is of another."""
    if kind == "string":
        return value if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind == "integer":
        whole = isinstance(value, int) or value.is_integer()
        return int(value) if whole and abs(value) <= _LARGEST else None
    return float(value) if abs(value) < 1.8e308 else None


def instances(data: Any, path: str) -> Iterator[tuple[str, list[Any]]]:
    """(instance path, list) of every list at `path`, which ends in `[]`."""
    yield from _instances(data, re.findall(r"[^.\[\]]+|\[\]", path), "")


def _instances(value: Any, steps: list[str], place: str) -> Iterator[tuple[str, list[Any]]]:
    step, rest = steps[0], steps[1:]
    if step != "[]":
        if isinstance(value, dict) and step in value:
            yield from _instances(value[step], rest, f"{place}.{step}" if place else step)
    elif isinstance(value, list):
        if not rest:
            yield place, value
        else:
            for number, child in enumerate(value):
                yield from _instances(child, rest, f"{place}[{number}]")


def _list_prefixes(path: str) -> Iterator[str]:
    for match in re.finditer(r"\[\]", path):
        yield path[: match.end()]


def _below(path: str, found: list[LeafPath]) -> tuple[Column, ...]:
    below = [one for one in found if one.path.startswith(path + ".")]
    return tuple(Column(one.path, one.type, f"c{n}", "[]" in one.path[len(path) :]) for n, one in enumerate(below))
