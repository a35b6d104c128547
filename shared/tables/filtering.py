"""Filter search: conditions over the tables of completed runs, joined to the rows they came from.

Newest runs first, and in a run by media item and time; the order is total, so a page begins exactly behind the one before. The
tables of some runs are read at a time, and those of older runs only when the page is not full yet.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from shared.domain.cursors import Cursors
from shared.domain.tables import RunTables
from shared.search.found import RowKey
from shared.search.joining import Joined, Joiner
from shared.store.documents import Store
from shared.store.run_tables import RunTablesOf
from shared.tables.cache import FileCache, TablesMoved
from shared.tables.conditions import Asked, Condition, check_fields, compile_condition
from shared.tables.layout import RUN_CREATED, Layout
from shared.tables.literals import text, texts
from shared.tables.living import Deletions
from shared.tables.sets import table_set

RUNS_AT_ONCE = 200
_ORDER = f"{RUN_CREATED} DESC, run_id DESC, video_id, segment_number"  # total: an item has one segment of each number in a run
_KEYS = f"strftime({RUN_CREATED}, '%Y-%m-%d %H:%M:%S.%f'), run_id, video_id, segment_number, segment_id"


@dataclass(frozen=True)
class Places:
    """Where to look: indexes (`""` is the playground), and where given only these runs."""

    tenant: str
    index_ids: Sequence[str]
    run_ids: Sequence[str] = ()


@dataclass(frozen=True)
class FilterPage:
    rows: list[Joined]
    next_cursor: str | None


@dataclass
class _Group:
    """Tables of one layout, read as one."""

    asked: list[Asked]
    files: list[Path] = field(default_factory=list)


class FilterSearch:
    def __init__(
        self,
        store: Store,
        files: FileCache,
        cursors: Cursors,
        runs_at_once: int = RUNS_AT_ONCE,
        tables: RunTablesOf | None = None,
    ) -> None:
        self._tables = tables or RunTablesOf(store)
        self._deletions = Deletions(store)
        self._joiner = Joiner(store)
        self._files = files
        self._cursors = cursors
        self._runs_at_once = runs_at_once

    def search(self, conditions: Sequence[Condition], places: Places, *, limit: int, cursor: str | None) -> FilterPage:
        """422 for a field that the runs do not have; a page of living rows, filled up as long as there are any."""
        listing = _listing(conditions, places)
        position = self._cursors.decode(listing, cursor) if cursor else None
        try:
            found, last = self._find(conditions, places, limit, position)
        except TablesMoved:  # built anew at this moment: the new version is there
            found, last = self._find(conditions, places, limit, position)
        return FilterPage(found, self._cursors.encode(listing, last) if last else None)

    def _find(
        self, conditions: Sequence[Condition], places: Places, limit: int, position: list[Any] | None
    ) -> tuple[list[Joined], list[Any] | None]:
        found: list[tuple[Joined, list[Any]]] = []
        layouts: dict[str, Layout] = {}
        for tables in self._batches(places, position):
            layouts |= _layouts(tables)
            found += self._find_in(tables, conditions, places, limit + 1 - len(found), position)
            if len(found) > limit:
                break
        if not found and position is None:
            check_fields(conditions, list(layouts.values()))
        kept = found[:limit]
        return [row for row, _ in kept], kept[-1][1] if len(found) > limit else None

    def _find_in(
        self, tables: list[RunTables], conditions: Sequence[Condition], places: Places, wanted: int, position: list[Any] | None
    ) -> list[tuple[Joined, list[Any]]]:
        """The next rows of these runs that live, with their places; fewer than wanted where there are no more."""
        deleted = self._deletions.since(places.tenant, tables)
        found: list[tuple[Joined, list[Any]]] = []
        with self._files.hold(tables, {"segments", "whole"}) as local:
            groups = _groups(conditions, tables, local)
            while groups and len(found) < wanted:
                asked = wanted - len(found)
                hits = _query(groups, places, deleted, position, asked)
                living = self._joiner.join(places.tenant, [_key(hit) for hit in hits])
                found += [(living[_key(hit)], list(hit[:4])) for hit in hits if _key(hit) in living]
                if len(hits) < asked:
                    break
                position = list(hits[-1][:4])
        return found

    def _batches(self, places: Places, position: list[Any] | None) -> Iterator[list[RunTables]]:
        """All runs asked for, newest first, from the one that the position is in."""
        newest = datetime.fromisoformat(position[0]).replace(tzinfo=UTC) if position else None
        if not places.run_ids:
            yield from self._tables.batches_over_indexes(places.tenant, places.index_ids, size=self._runs_at_once, newest=newest)
            return
        named = self._tables.of_runs(places.tenant, places.run_ids)
        yield [one for one in named if newest is None or one.run_created_at <= newest]


def _layouts(tables: Iterable[RunTables]) -> dict[str, Layout]:
    """The different ones, by their fingerprints."""
    return {layout.fingerprint(): layout for one in tables for _, layout in table_set(one).levels()}


def _listing(conditions: Sequence[Condition], places: Places) -> str:
    asked = [[one.field, one.operator, one.type, one.value] for one in conditions]
    where = [sorted(places.index_ids), sorted(places.run_ids)]
    digest = hashlib.sha256(json.dumps([asked, where], sort_keys=True).encode()).hexdigest()
    return f"filter/{places.tenant}/{digest}"


def _groups(
    conditions: Sequence[Condition], tables: Sequence[RunTables], local: dict[str, dict[str, list[Path]]]
) -> list[_Group]:
    """Only tables in which every condition has its field: in others no row can match."""
    groups: dict[str, _Group] = {}
    skipped: dict[str, bool] = defaultdict(bool)
    for one in tables:
        for level, layout in table_set(one).levels():
            files = local.get(one.run_id, {}).get(level, [])
            key = f"{level}/{layout.fingerprint()}"
            if not files or skipped[key]:
                continue
            if key not in groups:
                asked = _all(conditions, layout)
                if asked is None:
                    skipped[key] = True
                    continue
                groups[key] = _Group(asked)
            groups[key].files += files
    return list(groups.values())


def _all(conditions: Sequence[Condition], layout: Layout) -> list[Asked] | None:
    asked = [compile_condition(one, layout) for one in conditions]
    return [one for one in asked if one is not None] if None not in asked else None


def _query(
    groups: Sequence[_Group], places: Places, deleted: set[str], position: list[Any] | None, limit: int
) -> list[tuple[Any, ...]]:
    parts, values = [], []
    for group in groups:
        tests = [one.sql for one in group.asked] + [f"index_id IN ({texts(list(places.index_ids))})"]
        values += [value for one in group.asked for value in one.values]
        if deleted:
            tests.append(f"video_id NOT IN ({texts(sorted(deleted))})")
        if position is not None:
            tests.append(
                f"({RUN_CREATED} < ?::TIMESTAMP OR ({RUN_CREATED} = ?::TIMESTAMP AND "
                "(run_id < ? OR (run_id = ? AND (video_id, segment_number) > (?, ?)))))"
            )
            values += [position[0], position[0], position[1], *position[1:]]
        files = ", ".join(text(str(path)) for path in group.files)
        parts.append(
            f"(SELECT {RUN_CREATED}, run_id, video_id, segment_number, segment_id FROM read_parquet([{files}]) "
            f"WHERE {' AND '.join(tests)} ORDER BY {_ORDER} LIMIT {limit})"
        )
    sql = f"SELECT {_KEYS} FROM ({' UNION ALL '.join(parts)}) ORDER BY {_ORDER} LIMIT {limit}"
    return _engine().cursor().execute(sql, values).fetchall()


def _key(hit: tuple[Any, ...]) -> RowKey:
    return hit[1], hit[2], hit[4] or ""


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """For SQL of ours alone; a cursor of it for each question."""
    config: dict[str, Any] = {
        "threads": 2,
        "memory_limit": "512MB",
        "autoinstall_known_extensions": False,
        "python_enable_replacements": False,
    }
    return duckdb.connect(":memory:", config=config)
