"""The one database of the emulator, its lock, its clock, and the schema."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from emulators.clock import Clock
from emulators.disk import open_database

from .contents import Contents

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, project TEXT NOT NULL, metageneration INTEGER NOT NULL,
  created REAL NOT NULL, updated REAL NOT NULL, settings TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (bucket TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
  metageneration INTEGER NOT NULL, content TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT, crc32c TEXT NOT NULL,
  created REAL NOT NULL, updated REAL NOT NULL, components INTEGER, fields TEXT NOT NULL,
  PRIMARY KEY (bucket, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notifications (bucket TEXT NOT NULL, id INTEGER NOT NULL, config TEXT NOT NULL,
  PRIMARY KEY (bucket, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, data BLOB NOT NULL,
  attributes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, created REAL NOT NULL, draft TEXT NOT NULL,
  state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rewrites (token TEXT PRIMARY KEY, created REAL NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class State:
    """What every noun of the engine shares."""

    def __init__(self, data_dir: Path | None, clock: Clock) -> None:
        cloud = None if data_dir is None else data_dir / "cloud"
        self.clock = clock
        self.contents = Contents(None if cloud is None else cloud / "objects")
        self._lock = threading.Lock()
        self._db = open_database(None if cloud is None else cloud / "storage.sqlite", SCHEMA)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Alone with the database; for reads."""
        with self._lock:
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Alone with the database in a transaction: all of it happens, or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def next_generation(self, db: sqlite3.Connection) -> int:
        """Microseconds since the epoch, but always more than ever before, even if the clock was set back."""
        return self.next_number(db, "generation", int(self.clock() * 1_000_000))

    def next_number(self, db: sqlite3.Connection, counter: str, at_least: int) -> int:
        row = db.execute("SELECT value FROM counters WHERE name = ?", (counter,)).fetchone()
        value = max(at_least, row[0] + 1 if row else 0)
        db.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (counter, value))
        return value

    def close(self) -> None:
        with self._lock:
            self._db.close()


def rfc3339(seconds: float) -> str:
    """Milliseconds and a `Z`, as the JSON API writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
