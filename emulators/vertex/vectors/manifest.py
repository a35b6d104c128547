"""The book of record in SQLite: which datapoint lives where, which rows are dead, and the code of every token set.

A vector counts only once its row here is committed; bytes in a block beyond the committed rows are leftovers of a killed process
and are written over.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emulators.disk import open_database

SCHEMA = """
CREATE TABLE IF NOT EXISTS indexes (idx INTEGER PRIMARY KEY, name TEXT UNIQUE, dimensions INTEGER);
CREATE TABLE IF NOT EXISTS blocks (block INTEGER PRIMARY KEY AUTOINCREMENT, idx INTEGER, key TEXT, rows INTEGER, longest REAL);
CREATE TABLE IF NOT EXISTS points (
    idx INTEGER, id TEXT, block INTEGER, row INTEGER, crowding TEXT, extra TEXT, PRIMARY KEY (idx, id)
) WITHOUT ROWID;
DROP INDEX IF EXISTS points_by_row;
CREATE UNIQUE INDEX IF NOT EXISTS points_by_place ON points (block, row, crowding); -- with the id: all that an answer needs
CREATE TABLE IF NOT EXISTS dead (block INTEGER, row INTEGER, PRIMARY KEY (block, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS postings (
    block INTEGER, dimension INTEGER, part INTEGER, data BLOB, PRIMARY KEY (block, dimension, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS namespaces (ns INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS token_sets (
    code INTEGER PRIMARY KEY AUTOINCREMENT, ns INTEGER, allow TEXT, deny TEXT, UNIQUE (ns, allow, deny)
);
CREATE TABLE IF NOT EXISTS tokens (
    ns INTEGER, token TEXT, denied INTEGER, code INTEGER, PRIMARY KEY (ns, token, denied, code)
) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS moves (old INTEGER PRIMARY KEY, new INTEGER);
"""
_CACHED_CODES = 50_000
_PART_ROWS = 1_024  # one record holds a dimension's values in so many rows: few records to read, little to write over
POSTING = np.dtype([("row", "<i4"), ("value", "<f4")])


class Place(NamedTuple):
    """Where a datapoint's vector is."""

    block: int
    row: int


class Entry(NamedTuple):
    """What the manifest keeps of one datapoint; `extra` is what only full reads need, as JSON."""

    id: str
    row: int
    crowding: str
    extra: str


class BlockRow(NamedTuple):
    """A block as committed; `longest` is the largest vector norm it ever took."""

    block: int
    idx: int
    key: str
    rows: int
    longest: float


class Manifest:
    """Statements only: the engine owns the lock and says when a transaction begins."""

    def __init__(self, path: Path | None) -> None:
        self._db: sqlite3.Connection = open_database(path, SCHEMA)
        self._db.execute("PRAGMA mmap_size=8388608")  # a large map would count as memory that the vectors are to have
        self._codes: dict[tuple[int, str, str], int] = {}
        self._namespaces: dict[str, int] = dict(self._db.execute("SELECT name, ns FROM namespaces"))

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; what was cached of a transaction that failed is forgotten with it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._codes.clear()
            self._namespaces = dict(self._db.execute("SELECT name, ns FROM namespaces"))
            raise

    # -- indexes and blocks

    def index_number(self, name: str, dimensions: int) -> int:
        """The number of an index, given at its first declaration; its dimensions never change."""
        self._db.execute("INSERT OR IGNORE INTO indexes (name, dimensions) VALUES (?, ?)", (name, dimensions))
        idx, kept = self._db.execute("SELECT idx, dimensions FROM indexes WHERE name = ?", (name,)).fetchone()
        if kept != dimensions:
            raise ValueError(f"{name} holds vectors of {kept} dimensions, not {dimensions}")
        return idx

    def blocks(self) -> list[BlockRow]:
        return [BlockRow(*row) for row in self._db.execute("SELECT block, idx, key, rows, longest FROM blocks")]

    def add_block(self, idx: int, key: str) -> int:
        return self._db.execute("INSERT INTO blocks (idx, key, rows, longest) VALUES (?, ?, 0, 0)", (idx, key)).lastrowid or 0

    def set_rows(self, block: int, rows: int, longest: float) -> None:
        self._db.execute("UPDATE blocks SET rows = ?, longest = ? WHERE block = ?", (rows, longest, block))

    def drop_block(self, block: int) -> None:
        """Forgets a block that no datapoint lives in any more."""
        for table in ("blocks", "dead", "postings"):
            self._db.execute(f"DELETE FROM {table} WHERE block = ?", (block,))

    def move_rows(self, old_block: int, new_block: int, kept: np.ndarray) -> None:
        """Points every datapoint (and sparse posting) of `kept` old rows at its rank in the new block."""
        self._db.execute("DELETE FROM moves")
        self._db.executemany("INSERT INTO moves VALUES (?, ?)", zip(kept.tolist(), range(len(kept)), strict=True))
        self._db.execute(
            "UPDATE points SET block = ?, row = (SELECT new FROM moves WHERE old = points.row) WHERE block = ?",
            (new_block, old_block),
        )
        self._db.execute("DELETE FROM moves")
        held = self._db.execute("SELECT dimension, data FROM postings WHERE block = ? ORDER BY dimension, part", (old_block,))
        for dimension, data in held.fetchall():
            found = np.frombuffer(data, POSTING)
            ranks = np.searchsorted(kept, found["row"])
            living = kept[np.minimum(ranks, len(kept) - 1)] == found["row"]
            values = found["value"][living].tolist()
            self.put_sparse(
                new_block, ((dimension, row, value) for row, value in zip(ranks[living].tolist(), values, strict=True))
            )

    def dead_rows(self, block: int) -> np.ndarray:
        rows = self._db.execute("SELECT row FROM dead WHERE block = ?", (block,)).fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1)

    # -- datapoints

    def places(self, idx: int, ids: Sequence[str]) -> dict[str, Place]:
        """Where the known ones among `ids` are."""
        found = self._db.execute(
            "SELECT id, block, row FROM points WHERE idx = ? AND id IN (SELECT value FROM json_each(?))", (idx, json.dumps(ids))
        )
        return {point: Place(block, row) for point, block, row in found}

    def put(self, idx: int, block: int, entries: Iterable[Entry]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO points (idx, id, block, row, crowding, extra) VALUES (?, ?, ?, ?, ?, ?)",
            ((idx, e.id, block, e.row, e.crowding, e.extra) for e in entries),
        )

    def put_sparse(self, block: int, postings: Iterable[tuple[int, int, float]]) -> None:
        """`(dimension, row, value)` triples, rows ascending and behind those already there."""
        parts: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for dimension, row, value in postings:
            parts.setdefault((dimension, row // _PART_ROWS), []).append((row, value))
        self._db.executemany(
            "INSERT INTO postings VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET data = CAST(data || excluded.data AS BLOB)",
            ((block, *key, np.array(held, POSTING).tobytes()) for key, held in sorted(parts.items())),
        )

    def bury(self, places: Iterable[Place]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO dead VALUES (?, ?)", places)

    def delete(self, idx: int, ids: Iterable[str]) -> None:
        self._db.executemany("DELETE FROM points WHERE idx = ? AND id = ?", ((idx, point) for point in ids))

    def entries(self, block: int, rows: np.ndarray, *, with_extra: bool = False) -> list[Entry]:
        """The datapoints at `rows`, in no particular order."""
        extra = "extra" if with_extra else "''"
        found = self._db.execute(
            f"SELECT id, row, crowding, {extra} FROM points WHERE block = ? AND row IN (SELECT value FROM json_each(?))",
            (block, json.dumps(rows.tolist())),
        )
        return [Entry(*row) for row in found]

    def postings(self, block: int, dimension: int) -> np.ndarray:
        """The rows that hold a value in a sparse dimension, ascending, with the values; dead rows are among them."""
        found = self._db.execute("SELECT data FROM postings WHERE block = ? AND dimension = ? ORDER BY part", (block, dimension))
        return np.frombuffer(b"".join(data for (data,) in found), POSTING)

    def count(self, idx: int) -> int:
        return self._db.execute("SELECT count(*) FROM points WHERE idx = ?", (idx,)).fetchone()[0]

    def forget_everything(self) -> None:
        """Empties all but the declared indexes."""
        for table in ("points", "blocks", "dead", "postings", "tokens", "token_sets", "namespaces"):
            self._db.execute(f"DELETE FROM {table}")
        self._codes.clear()
        self._namespaces.clear()

    # -- token sets

    def namespace(self, name: str, *, create: bool = False) -> int | None:
        """The number of a restrict namespace; `None` if no datapoint ever used it and it is not to be created."""
        if name not in self._namespaces and create:
            self._namespaces[name] = self._db.execute("INSERT INTO namespaces (name) VALUES (?)", (name,)).lastrowid or 0
        return self._namespaces.get(name)

    def code(self, ns: int, allow: Sequence[str], deny: Sequence[str]) -> int:
        """The number that stands for exactly these tokens of a namespace; made on first use."""
        key = (ns, json.dumps(sorted(set(allow))), json.dumps(sorted(set(deny))))
        known = self._codes.get(key)
        if known is not None:
            return known
        row = self._db.execute("SELECT code FROM token_sets WHERE ns = ? AND allow = ? AND deny = ?", key).fetchone()
        code = row[0] if row else self._new_code(key, allow, deny)
        if len(self._codes) >= _CACHED_CODES:
            self._codes.clear()
        self._codes[key] = code
        return code

    def _new_code(self, key: tuple[int, str, str], allow: Sequence[str], deny: Sequence[str]) -> int:
        code = self._db.execute("INSERT INTO token_sets (ns, allow, deny) VALUES (?, ?, ?)", key).lastrowid or 0
        rows = [(key[0], token, 0, code) for token in set(allow)] + [(key[0], token, 1, code) for token in set(deny)]
        self._db.executemany("INSERT INTO tokens VALUES (?, ?, ?, ?)", rows)
        return code

    def codes_with(self, ns: int, tokens: Sequence[str], *, denied: bool) -> list[int]:
        """The token sets that allow (or deny) at least one of `tokens`."""
        found = self._db.execute(
            "SELECT DISTINCT code FROM tokens WHERE ns = ? AND denied = ? AND token IN (SELECT value FROM json_each(?))",
            (ns, int(denied), json.dumps(list(tokens))),
        )
        return [code for (code,) in found]
