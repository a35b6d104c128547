"""Documents and index entries in SQLite. The caller holds the engine's lock and says where transactions begin and end."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from emulators.disk import open_database

from .catalogue import Definition
from .entries import Entry
from .names import DocumentName, key_path, path_key, segment_key

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, database TEXT, name TEXT, UNIQUE (database, name));
CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY, database TEXT, path BLOB, grp INTEGER, UNIQUE (database, path));
CREATE INDEX IF NOT EXISTS collections_by_group ON collections (grp, path);
CREATE TABLE IF NOT EXISTS definitions (id INTEGER PRIMARY KEY, key TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, collection INTEGER, ident BLOB, data BLOB,
    UNIQUE (collection, ident));
CREATE TABLE IF NOT EXISTS entries (scope INTEGER, definition INTEGER, value BLOB, document INTEGER,
    PRIMARY KEY (scope, definition, value)) WITHOUT ROWID;
"""
_TABLES = ("entries", "documents", "collections", "groups", "meta")  # definitions are numbers of indexes: they hold nobody's data
_REMEMBERED = 50_000


class Collection(NamedTuple):
    """Numbers of a collection: entries of the collection use `id`, those of its group use `-group`."""

    id: int
    group: int


class Span(NamedTuple):
    """A range of one index: from `low` (included) to `high` (excluded, None for no end)."""

    scope: int
    definition: int
    low: bytes
    high: bytes | None


class StoredDocument(NamedTuple):
    """`path` is its collection's, `group` that one's last part."""

    id: int
    database: str
    path: str
    group: str
    data: bytes


class Store:
    """Reads and writes rows; knows no rule of Firestore but the order of names."""

    def __init__(self, path: Path | None) -> None:
        self._db: sqlite3.Connection = open_database(path, SCHEMA)
        self._collections: dict[tuple[str, str], Collection] = {}
        self._definitions: dict[str, int] = {}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One atomic, durable step: all of it or, after any exception, nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self._collections.clear()
            self._definitions.clear()
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()

    def wipe(self) -> None:
        with self.writing():
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")
        self._collections.clear()

    def recall(self, key: str) -> str | int | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def remember(self, key: str, value: str | int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def forget(self, key: str) -> None:
        self._db.execute("DELETE FROM meta WHERE key = ?", (key,))

    def definition(self, definition: Definition) -> int:
        """The number of an index definition, given on first use."""
        key = definition.key
        known = self._definitions.get(key)
        if known is None:
            self._db.execute("INSERT OR IGNORE INTO definitions (key) VALUES (?)", (key,))
            known = self._db.execute("SELECT id FROM definitions WHERE key = ?", (key,)).fetchone()[0]
            if len(self._definitions) > _REMEMBERED:
                self._definitions.clear()
            self._definitions[key] = known
        return known

    def collection(self, database: str, path: str) -> Collection | None:
        """The numbers of a collection something was once stored in."""
        known = self._collections.get((database, path))
        if known is None:
            row = self._db.execute(
                "SELECT id, grp FROM collections WHERE database = ? AND path = ?", (database, path_key(path))
            ).fetchone()
            if row is None:
                return None
            known = self._known(database, path, Collection(*row))
        return known

    def make_collection(self, database: str, path: str) -> Collection:
        known = self.collection(database, path)
        if known is not None:
            return known
        name = path.rpartition("/")[2]
        self._db.execute("INSERT OR IGNORE INTO groups (database, name) VALUES (?, ?)", (database, name))
        group = self.group(database, name)
        made = self._db.execute(
            "INSERT INTO collections (database, path, grp) VALUES (?, ?, ?)", (database, path_key(path), group)
        )
        return self._known(database, path, Collection(int(made.lastrowid or 0), int(group or 0)))

    def _known(self, database: str, path: str, collection: Collection) -> Collection:
        if len(self._collections) > _REMEMBERED:
            self._collections.clear()
        self._collections[database, path] = collection
        return collection

    def group(self, database: str, name: str) -> int | None:
        row = self._db.execute("SELECT id FROM groups WHERE database = ? AND name = ?", (database, name)).fetchone()
        return row[0] if row else None

    def get(self, name: DocumentName) -> bytes | None:
        """The stored document's bytes."""
        collection = self.collection(name.database, name.collection)
        if collection is None:
            return None
        row = self._db.execute(
            "SELECT data FROM documents WHERE collection = ? AND ident = ?",
            (collection.id, name.ident.encode()),
        ).fetchone()
        return row[0] if row else None

    def put(self, name: DocumentName, data: bytes, collection: Collection, entries: set[Entry], old: set[Entry]) -> None:
        """Stores a document and brings its entries from `old` to `entries`."""
        (row,) = self._db.execute(
            "INSERT INTO documents (collection, ident, data) VALUES (?, ?, ?) "
            "ON CONFLICT (collection, ident) DO UPDATE SET data = excluded.data RETURNING id",
            (collection.id, name.ident.encode(), data),
        ).fetchone()
        self.exchange(row, old, entries)

    def delete(self, name: DocumentName, collection: Collection, old: set[Entry]) -> None:
        self._remove_entries(old)
        self._db.execute("DELETE FROM documents WHERE collection = ? AND ident = ?", (collection.id, name.ident.encode()))

    def _remove_entries(self, entries: Iterable[Entry]) -> None:
        self._db.executemany("DELETE FROM entries WHERE scope = ? AND definition = ? AND value = ?", entries)

    def forget_entries(self) -> None:
        self._db.execute("DELETE FROM entries")
        self._db.execute("DELETE FROM definitions")
        self._definitions.clear()

    def group_names(self) -> list[str]:
        """Of every database, each once."""
        return [name for (name,) in self._db.execute("SELECT DISTINCT name FROM groups")]

    def documents_after(self, last: int, groups: list[str] | None, most: int) -> list[StoredDocument]:
        """In the order of their numbers, those behind `last`; of some collection groups only where they are named."""
        narrowed = "" if groups is None else " AND g.name IN (SELECT value FROM json_each(?))"
        arguments = [last, *([] if groups is None else [json.dumps(groups)]), most]
        found = self._db.execute(
            "SELECT d.id, c.database, c.path, g.name, d.data FROM documents d CROSS JOIN collections c ON c.id = d.collection "
            f"CROSS JOIN groups g ON g.id = c.grp WHERE d.id > ?{narrowed} ORDER BY d.id LIMIT ?",
            arguments,
        )
        return [StoredDocument(number, database, key_path(path), name, data) for number, database, path, name, data in found]

    def exchange(self, document: int, old: set[Entry], entries: set[Entry]) -> None:
        """Brings a document's entries from `old` to `entries`."""
        self._remove_entries(old - entries)
        self._db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", [(*e, document) for e in entries - old])

    # --- reading ranges

    def count(self, span: Span, most: int) -> int:
        """How many entries a span has, counted no further than `most`."""
        where, arguments = _where(span)
        return int(
            self._db.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM entries e WHERE {where} LIMIT ?)", (*arguments, most)
            ).fetchone()[0]
        )

    def scan(self, span: Span, backwards: bool, prefix: int = 0, joined: Iterable[tuple[int, bytes]] = ()) -> Iterator[bytes]:
        """Documents of a span in the order of its entries.

        `joined` names other indexes of the same scope as (definition, prefix) which must hold the same ending: what follows
        the first `prefix` bytes of the span's own entry.
        """
        where, arguments = _where(span)
        for definition, other in joined:
            where += (
                " AND EXISTS (SELECT 1 FROM entries x WHERE x.scope = e.scope AND x.definition = ?"
                " AND x.value = CAST(? || substr(e.value, ?) AS BLOB))"
            )
            arguments += [definition, other, prefix + 1]
        order = "DESC" if backwards else "ASC"
        rows = self._db.execute(
            f"SELECT d.data FROM entries e CROSS JOIN documents d ON d.id = e.document WHERE {where} ORDER BY e.value {order}",
            arguments,
        )
        return (row[0] for row in rows)

    def scan_collection(self, collection: int, low: bytes, high: bytes | None, backwards: bool) -> Iterator[bytes]:
        """Documents of a collection by id, from `low` (included) to `high` (included)."""
        where, arguments = "collection = ? AND ident >= ?", [collection, low]
        if high is not None:
            where += " AND ident <= ?"
            arguments.append(high)
        order = "DESC" if backwards else "ASC"
        rows = self._db.execute(f"SELECT data FROM documents WHERE {where} ORDER BY ident {order}", arguments)
        return (row[0] for row in rows)

    def collections_of_group(self, group: int, below: str) -> list[tuple[int, bytes]]:
        """(number, path key) of the collections of a group below a document, in order of their paths."""
        prefix = path_key(below)[:-2]
        rows = self._db.execute("SELECT id, path FROM collections WHERE grp = ? AND path >= ? ORDER BY path", (group, prefix))
        return [(number, path) for number, path in rows if path.startswith(prefix)]

    def collections_below(self, database: str, below: str) -> list[int]:
        """Numbers of all collections below a document, or of the whole database."""
        prefix = path_key(below)[:-2]
        rows = self._db.execute(
            "SELECT id FROM collections WHERE database = ? AND path >= ? AND substr(path, 1, ?) = ?",
            (database, prefix, len(prefix), prefix),
        )
        return [row[0] for row in rows.fetchall()]

    def segments_below(self, database: str, above: str, after: str) -> Iterator[str]:
        """The path segments that follow `above` on the way to stored documents, in order, those after `after` only.

        Below a document these are its collections; below a collection, the documents that have something beneath them.
        """
        prefix = path_key(above)[:-2]
        low = prefix + (segment_key(after)[:-1] + b"\x02" if after else b"")
        while True:
            row = self._db.execute(
                "SELECT path FROM collections c WHERE database = ? AND path >= ? "
                "AND EXISTS (SELECT 1 FROM documents d WHERE d.collection = c.id) ORDER BY path LIMIT 1",
                (database, low),
            ).fetchone()
            if row is None or not row[0].startswith(prefix):
                return
            segment = row[0][len(prefix) :].split(b"\0\x01", 1)[0]
            if segment != b"\0\0":
                yield key_path(segment + b"\0\x01\0\0")
                low = prefix + segment + b"\0\x02"
            else:  # the collection itself
                low = prefix + b"\0\x01"


def _where(span: Span) -> tuple[str, list]:
    where = "e.scope = ? AND e.definition = ? AND e.value >= ?"
    arguments: list = [span.scope, span.definition, span.low]
    if span.high is not None:
        where += " AND e.value < ?"
        arguments.append(span.high)
    return where, arguments
