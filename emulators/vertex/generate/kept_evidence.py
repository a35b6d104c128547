"""Evidence found once is kept: the same stretch asked again, or asked twice at a time, is looked at once."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulators.clock import Clock
from emulators.disk import open_database

# Raised when the senses change, so that what older ones found is not taken for theirs.
SENSES_VERSION = 2
KEPT_ROWS = 20_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS evidence (
    key TEXT PRIMARY KEY, found TEXT NOT NULL, used_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS evidence_by_use ON evidence (used_at);
"""


class KeptEvidence:
    """JSON by key, least recently used rows dropped; `None` as folder keeps it in memory. Safe for many threads."""

    def __init__(self, data_dir: Path | None, clock: Clock, kept_rows: int = KEPT_ROWS) -> None:
        path = data_dir / "cloud" / "evidence.sqlite" if data_dir is not None else None
        self._database = open_database(path, _SCHEMA)
        self._clock = clock
        self._kept_rows = kept_rows
        self._lock = threading.Lock()
        self._working: dict[str, threading.Event] = {}

    def find(self, key: str, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
        """What is kept under the key, else what `look` finds. Callers who come while it looks wait for the same answer;
        if it fails they look themselves."""
        key = f"v{SENSES_VERSION} {key}"
        while True:
            with self._lock:
                row = self._read(key)
                if row is not None:
                    return json.loads(row)
                others = self._working.get(key)
                if others is None:
                    self._working[key] = mine = threading.Event()
            if others is None:
                break
            others.wait()
        try:
            found = look()
            with self._lock:
                self._write(key, json.dumps(found))
            return found
        finally:
            with self._lock:
                del self._working[key]
            mine.set()

    def _read(self, key: str) -> str | None:
        row = self._database.execute("SELECT found FROM evidence WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self._database.execute("UPDATE evidence SET used_at = ? WHERE key = ?", (self._clock(), key))
        return row[0]

    def _write(self, key: str, found: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?)", (key, found, self._clock()))
        (rows,) = self._database.execute("SELECT count(*) FROM evidence").fetchone()
        if rows > self._kept_rows:
            self._database.execute(
                "DELETE FROM evidence WHERE key IN (SELECT key FROM evidence ORDER BY used_at LIMIT ?)",
                (rows - self._kept_rows + self._kept_rows // 10,),
            )

    def close(self) -> None:
        with self._lock:
            self._database.close()
