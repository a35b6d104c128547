"""Rows into Parquet, a part at a time: what is held is one part, however long the run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import duckdb

from shared.tables.literals import quoted, text

PART_ROWS = 25_000
PART_BYTES = 64 * 1024 * 1024  # of JSON; far less as Parquet
_SMALLEST_BUFFER = 1024 * 1024  # twice of which, or of the longest row, the reader of a part takes


@dataclass(frozen=True)
class Part:
    """A finished file; `table` is the physical name of what it is a part of."""

    path: Path
    table: str
    rows: int


class TableWriter:
    """Takes the rows of one table and leaves Parquet files `<table>-<n>.parquet` in the folder."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        table: str,
        types: dict[str, str],
        *,
        part_rows: int = PART_ROWS,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._table = table
        self._types = types
        self._limits = (part_rows, part_bytes)
        self._lines: TextIO | None = None
        self._rows = 0
        self._bytes = 0
        self._longest = _SMALLEST_BUFFER
        self._parts = 0

    def add(self, row: dict[str, Any]) -> Part | None:
        """The part that this row completed, if it did."""
        if self._lines is None:
            self._lines = self._json_file.open("w", encoding="utf-8")
        line = json.dumps(row, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        self._lines.write(line + "\n")
        self._rows += 1
        self._bytes += len(line)
        self._longest = max(self._longest, len(line) + 2)
        return self.finish() if self._rows >= self._limits[0] or self._bytes >= self._limits[1] else None

    def finish(self) -> Part | None:
        """The part of what was added since the last one; None if nothing was."""
        if self._lines is None:
            return None
        self._lines.close()
        target = self._folder / f"{self._table}-{self._parts:05}.parquet"
        columns = ", ".join(f"{quoted(name)}: {text(kind)}" for name, kind in self._types.items())
        self._connection.execute(
            f"COPY (SELECT * FROM read_json({text(str(self._json_file))}, format = 'newline_delimited', "
            f"maximum_object_size = {self._longest}, columns = {{{columns}}})) "
            f"TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        self._json_file.unlink()
        part = Part(target, self._table, self._rows)
        self._lines, self._rows, self._bytes, self._longest = None, 0, 0, _SMALLEST_BUFFER
        self._parts += 1
        return part

    @property
    def _json_file(self) -> Path:
        return self._folder / f"{self._table}.ndjson"


def writing_connection() -> duckdb.DuckDBPyConnection:
    """To this process's one engine for tables; to be closed after use. It takes half a millisecond, an engine thirty."""
    return _engine_of_process().cursor()


@cache
def _engine_of_process() -> duckdb.DuckDBPyConnection:
    return writing_engine("768MB")


def writing_engine(memory: str, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An engine that only converts: one thread, nothing fetched, and beyond that memory what it may put into `spill`."""
    config: dict[str, Any] = {
        "threads": 1,
        "memory_limit": memory,
        "autoinstall_known_extensions": False,
        "preserve_insertion_order": True,
    }
    if spill is not None:
        config["temp_directory"] = str(spill)
    return duckdb.connect(":memory:", config=config)


def finished(writers: dict[str, TableWriter]) -> Iterator[Part]:
    for writer in writers.values():
        part = writer.finish()
        if part is not None:
            yield part
