"""An engine's database behind its one lock: changes are whole transactions, or nothing."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators.disk import open_database


class Ledger:
    """SQLite with a re-entrant lock; the lock also guards what the engine keeps in memory beside it."""

    def __init__(self, path: Path | None, schema: str) -> None:
        self._db = open_database(path, schema)
        self.lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self.lock:
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Commits when the block ends, rolls back when it raises; a block inside a block joins the outer one."""
        with self.lock:
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        with self.lock:
            self._db.close()
