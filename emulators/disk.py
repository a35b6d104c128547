"""Where an emulator keeps what it was told: one SQLite file in WAL mode, or memory for tests and simulation.

`synchronous=NORMAL` in WAL mode survives a killed process without losing an acknowledged write. It does not promise to survive
a power cut; that is said in the README.
"""

import sqlite3
from pathlib import Path


def open_database(path: Path | None, schema: str) -> sqlite3.Connection:
    """Opens (and creates) the file, or a private memory database for `None`; the caller serialises its use.

    Transactions are explicit: the connection is in autocommit mode, so an engine writes `BEGIN IMMEDIATE` … `COMMIT` itself.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        str(path) if path is not None else ":memory:",
        check_same_thread=False,
        isolation_level=None,
        cached_statements=512,
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA mmap_size=268435456")
    connection.executescript(schema)
    return connection
