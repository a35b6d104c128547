"""The tables that SQL can name: of each run, and of each index over all its runs; lists of objects as tables of their own.

Columns of fields are named by their field path. Every table has `row_id`, which joins a list's items to their row.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.domain.tables import RunTables
from shared.tables.layout import ITEM_COLUMNS, ROW_COLUMNS, SQL_TYPES, Column, Layout
from shared.tables.literals import quoted, text, texts
from shared.tables.sets import SEGMENTS, WHOLE, table_set

PLAYGROUND_NAME = "playground"
_NUMBERS = {"integer", "number"}
_SHOWN_FIELDS = 3


@dataclass(frozen=True)
class Source:
    """Files of one run that a table is made of; `columns` by field path."""

    run: RunTables
    table: str  # physical
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class FieldColumn:
    """A field as a column: where runs disagree about its type, the one that holds all their values."""

    name: str
    path: str
    sql_type: str


@dataclass
class Table:
    """`name` in SQL. `parent` is the table whose rows the items belong to, `items_path` the list they stand in."""

    name: str
    level: str  # segments | videos
    index_ids: list[str]
    common: Mapping[str, str]
    parent: str = ""
    items_path: str = ""
    run_id: str = ""
    sources: list[Source] = field(default_factory=list)
    fields: list[FieldColumn] = field(default_factory=list)

    def column_names(self) -> list[str]:
        return [*self.common, *(one.name for one in self.fields)]


@dataclass(frozen=True)
class Catalog:
    """`complete`: no older run was left out."""

    tables: list[Table]
    index_ids: list[str]
    complete: bool = True

    def named(self, name: str) -> Table | None:
        return next((one for one in self.tables if one.name == name.lower()), None)

    def mentioned(self, sql: str) -> list[Table]:
        """Those whose names stand in the text; a query can use no others."""
        lower = sql.lower()
        return [one for one in self.tables if one.name in lower]

    @property
    def main(self) -> Table:
        """What a query is about if nothing else is said: all that was found in the first index."""
        return self.tables[0]

    def default_query(self) -> str:
        main = self.main
        shown = ["video_name", "start_time", "end_time", *(one.name for one in main.fields[:_SHOWN_FIELDS]), "row_id"]
        columns = ", ".join(name if name in main.common else quoted(name) for name in shown)
        return f"SELECT {columns}\nFROM {main.name}\nORDER BY video_name, start_time\nLIMIT 100"


def catalog_of(index_ids: Sequence[str], runs: Sequence[RunTables]) -> Catalog:
    """Index tables first, then those of the runs, newest first; `""` is the playground."""
    tables: list[Table] = []
    for index_id in index_ids:
        over = [run for run in runs if index_id in run.index_ids]
        tables += _tables(index_id or PLAYGROUND_NAME, "", over, [index_id])
    for run in runs:
        tables += _tables(run.run_id, run.run_id, [run], [one for one in index_ids if one in run.index_ids])
    return Catalog([one for one in tables if one.index_ids], list(index_ids))


def _tables(base: str, run_id: str, runs: Sequence[RunTables], index_ids: list[str]) -> list[Table]:
    found = _level(base, run_id, SEGMENTS, "segments", runs, index_ids)
    wholes = [run for run in runs if table_set(run).whole.columns]
    return found + (_level(f"{base}__videos", run_id, WHOLE, "videos", wholes, index_ids) if wholes else [])


def _level(base: str, run_id: str, physical: str, level: str, runs: Sequence[RunTables], index_ids: list[str]) -> list[Table]:
    rows = Table(base, level, index_ids, ROW_COLUMNS, run_id=run_id)
    items: dict[str, Table] = {}
    taken = {base}
    for run in runs:
        layout = _layout(run, physical)
        rows.sources.append(Source(run, physical, {one.path: one for one in layout.columns}))
        for one in layout.items:
            if one.path not in items:
                name = _free(f"{base}__{_word(one.path)}", taken)
                items[one.path] = Table(name, level, index_ids, ITEM_COLUMNS, base, one.path, run_id)
            columns = {column.path: column for column in one.columns}
            items[one.path].sources.append(Source(run, f"{physical}-{one.physical}", columns))
    for table in (rows, *items.values()):
        table.fields = _fields(table)
    return [rows, *items.values()]


def _layout(run: RunTables, physical: str) -> Layout:
    return table_set(run).whole if physical == WHOLE else table_set(run).segments


def _word(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_").lower()[:60] or "items"


def _free(name: str, taken: set[str]) -> str:
    """Names of columns and tables differ in more than case."""
    candidate, number = name, 2
    while candidate.lower() in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate.lower())
    return candidate


def _fields(table: Table) -> list[FieldColumn]:
    types: dict[str, str] = {}
    lists: dict[str, bool] = {}
    for source in table.sources:
        for path, column in source.columns.items():
            types[path] = _wider(types.get(path), column.type)
            lists[path] = column.is_list
    taken = {name.lower() for name in table.common}
    return [
        FieldColumn(_free(path, taken), path, SQL_TYPES[kind] + ("[]" if lists[path] else "")) for path, kind in types.items()
    ]


def _wider(one: str | None, other: str) -> str:
    if one is None or one == other:
        return other
    return "number" if {one, other} == _NUMBERS else "string"


def view_of(table: Table, local: Mapping[str, Mapping[str, Sequence[Path]]], folder: Path, deleted: Iterable[str]) -> str:
    """The statement that makes the table of its files, without what was deleted. Files lie in the folder by their names."""
    parts = []
    groups: dict[tuple[str, ...], tuple[Source, list[Path]]] = {}
    for source in table.sources:
        files = local.get(source.run.run_id, {}).get(source.table, ())
        shape = (source.table, *(f"{path}/{one.physical}/{one.sql_type}" for path, one in source.columns.items()))
        if files:
            groups.setdefault(shape, (source, []))[1].extend(files)
    gone = sorted(deleted)
    for source, files in groups.values():
        listed = texts([str(folder / file.name) for file in files])
        tests = [f"index_id IN ({texts(table.index_ids)})"]
        if gone:
            tests.append(f"video_id NOT IN ({texts(gone)})")
        parts.append(f"SELECT {_select(table, source)} FROM read_parquet([{listed}]) WHERE {' AND '.join(tests)}")
    return f"CREATE VIEW {quoted(table.name)} AS {' UNION ALL '.join(parts) or _nothing(table)}"


def _select(table: Table, source: Source) -> str:
    shown = [quoted(name) for name in table.common]
    for one in table.fields:
        column = source.columns.get(one.path)
        value = quoted(column.physical) if column else "NULL"
        if column is None or column.sql_type != one.sql_type:
            value = f"CAST({value} AS {one.sql_type})"
        shown.append(f"{value} AS {quoted(one.name)}")
    return ", ".join(shown)


def _nothing(table: Table) -> str:
    """The same columns without a row, where no run has found anything yet."""
    types = {**table.common, **{one.name: one.sql_type for one in table.fields}}
    return "SELECT " + ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in types.items()) + " WHERE false"


def describe(column: str) -> str:
    """What a column that every table has says."""
    return _DESCRIPTIONS.get(column, "")


_DESCRIPTIONS = {
    "row_id": "names the result; joins items to their row",
    "run_id": "the prompt run that found it",
    "index_id": "the media item's index; empty in the playground",
    "video_id": "the media item",
    "video_name": "its title",
    "media_type": "video, audio or image",
    "segment_id": "the segment; null for a whole media item",
    "segment_number": "from 0 in the order of time",
    "start_time": "seconds from the beginning of the media item",
    "end_time": "seconds from the beginning of the media item",
    "transcript": "what is said",
    "metadata_text": "all fields as one text",
    "item_path": f"which item of the list, as {text('scene.people[1]')}",
    "item_number": "from 0 in the list",
}
