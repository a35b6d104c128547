"""Records as a file: one JSON document, JSON lines, or Parquet. What is held at once is a piece, however large the file."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from functions.pipeline.build_export.reading import Record, grouped
from shared.tables.literals import text

PIECE_CHARS = 256 * 1024
_READ_BYTES = 1024 * 1024


def pieces(file_format: str, flow: Iterator[Record]) -> Iterator[bytes]:
    """The file's bytes in order."""
    if file_format == "parquet":
        return parquet(flow)
    return grouped(json_document(flow) if file_format == "json" else json_lines(flow), PIECE_CHARS)


def json_lines(flow: Iterable[Record]) -> Iterator[str]:
    """Each record on a line of its own; `record` says of which kind it is."""
    for record in flow:
        yield _dump({"record": record.kind, **record.data}) + "\n"


_DEPTH = {"prompt_run": 1, "item": 2, "segment": 3}
_INSIDE = {"prompt_run": "results", "item": "segments"}


def json_document(flow: Iterable[Record]) -> Iterator[str]:
    """`{…header, "media": […], "prompt_runs": [{…, "results": [{…, "segments": […]}]}], "totals": {…}}`, closed as it comes."""
    depth, first = 0, True  # how many lists are open behind the media; whether the innermost has nothing in it yet
    for record in flow:
        if record.kind == "header":
            yield _dump(record.data)[:-1] + ',"media":['
            continue
        if record.kind == "media":
            yield _after(first) + _dump(record.data)
            first = False
            continue
        if depth == 0:
            yield '],"prompt_runs":['
            depth, first = 1, True
        wanted = _DEPTH.get(record.kind, 1)
        if depth > wanted:
            yield "]}" * (depth - wanted)
            depth, first = wanted, False
        if record.kind == "totals":
            yield '],"totals":' + _dump(record.data) + "}\n"
        elif record.kind == "segment":
            yield _after(first) + _dump(record.data)
            first = False
        else:
            yield _after(first) + _dump(record.data)[:-1] + f',"{_INSIDE[record.kind]}":['
            depth, first = wanted + 1, True


def _after(first: bool) -> str:
    return "" if first else ","


def parquet(flow: Iterable[Record]) -> Iterator[bytes]:
    """One row for each segment and for each media-wide result, from parts that are small on disk; disk is memory in the cloud."""
    from shared.tables.writing import TableWriter, writing_engine

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="export-")))
        connection = stack.enter_context(writing_engine("160MB", folder / "spill"))
        writer = TableWriter(connection, folder, "rows", COLUMNS, part_rows=5_000, part_bytes=16 * 1024 * 1024)
        parts = [part.path for row in _rows(flow) if (part := writer.add(row)) is not None]
        last = writer.finish()
        parts += [last.path] if last is not None else []
        whole = folder / "whole.parquet"
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())
        source = f"read_parquet([{', '.join(text(str(part)) for part in parts)}])" if parts else f"(SELECT {columns}) LIMIT 0"
        connection.execute(
            f"COPY (SELECT * FROM {source}) TO {text(str(whole))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 5000)"
        )
        for path in parts:
            path.unlink()
        with whole.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                yield piece


COLUMNS = {
    "row_type": "VARCHAR",
    "run_id": "VARCHAR",
    "prompt_id": "VARCHAR",
    "prompt_name": "VARCHAR",
    "video_id": "VARCHAR",
    "title": "VARCHAR",
    "segment_id": "VARCHAR",
    "segment_number": "INTEGER",
    "start_time": "DOUBLE",
    "end_time": "DOUBLE",
    "status": "VARCHAR",
    "metadata": "VARCHAR",
    "metadata_text": "VARCHAR",
    "transcript": "VARCHAR",
    "error_message": "VARCHAR",
    "processed_at": "TIMESTAMP",
}


def _rows(flow: Iterable[Record]) -> Iterator[dict[str, Any]]:
    around: dict[str, Any] = {}
    for record in flow:
        data = record.data
        if record.kind == "prompt_run":
            around = {name: data[name] for name in ("run_id", "prompt_id", "prompt_name")}
        elif record.kind == "item":
            around |= {"video_id": data["video_id"], "title": data["title"]}
            if data["video_result"] is not None:
                yield _row("video", around, data["video_result"])
        elif record.kind == "segment":
            yield _row("segment", around, data)


def _row(row_type: str, around: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    row = dict.fromkeys(COLUMNS) | around | {"row_type": row_type}
    row |= {name: data[name] for name in COLUMNS if name in data}
    processed = data.get("processed_at")
    return row | {"metadata": _dump(data["metadata"]), "processed_at": processed.rstrip("Z") if processed else None}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
