"""Filters and SQL over the run tables of a large archive, each beside plain DuckDB on the very same Parquet files."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx

from bench.archive import VIEWERS, Archive
from bench.figure import Figure
from bench.site import BenchSite
from functions.pipeline.build_tables.rows import segment_row
from shared.config import Settings
from shared.domain.media import Video
from shared.domain.runs import Run
from shared.domain.tables import RunTables, TablesState, tables_prefix
from shared.objects import buckets
from shared.store import documents
from shared.tables.layout import Layout, shred
from shared.tables.sets import SEGMENTS, TableSet
from shared.tables.writing import Part, TableWriter, writing_connection

_WARM, _COUNTED = 5, 40
_GOOGLE = ("FIRESTORE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS")
_COUNT = "SELECT viewers % 10 AS bucket, count(*) AS n, avg(viewers) AS mean FROM {} GROUP BY ALL ORDER BY bucket"
_LIST = "SELECT headline, viewers FROM {} WHERE viewers > 990 ORDER BY viewers DESC, headline LIMIT 100"


def plant(site: BenchSite, archive: Archive) -> None:
    """Gives the archive's run its tables, as the stage that builds them leaves them."""
    settings = _settings(site)
    store, objects = documents.connect(settings), buckets.connect(settings)
    run, layout = next(one for one in archive.frame() if isinstance(one, Run)), Layout.of_schema(archive.schema())
    files: list[dict[str, Any]] = []
    for part, content in _parts(archive, run, layout):
        objects.put_derived(tables_prefix(run.tenant, run.run_id, 1) + part.path.name, content, "application/vnd.apache.parquet")
        files.append({"name": part.path.name, "table": SEGMENTS, "rows": part.rows, "bytes": len(content)})
    stamps: dict[str, Any] = {"created_at": run.created_at, "updated_at": run.created_at, "completed_at": run.created_at}
    batch = store.batch()
    batch.put(
        RunTables(
            **stamps,
            tenant=run.tenant,
            run_id=run.run_id,
            index_ids=run.index_ids,
            run_created_at=run.created_at,
            status=TablesState.READY,
            published=1,
            attempt=1,
            built_from=run.created_at,
            layout=TableSet(layout, Layout()).to_json(),
            files=files,
            row_count=archive.size.segments,
        )
    )
    batch.commit()


def figures(site: BenchSite, archive: Archive) -> list[Figure]:
    """Over HTTP with pages of 50 and 100, and SQL that lists and that counts."""
    said = site.credentials
    limits: dict[str, Any] = {"headers": {"X-API-Key": said["api_key"]}, "trust_env": False, "timeout": 60}
    with httpx.Client(base_url=said["base_url"], **limits) as client, _plain(site, archive) as plain:
        made: list[Figure] = []
        for size in (50, 100):
            made += _filters(client, plain, archive, size)
        for name, sql, bound in (("a list", _LIST, ""), ("an aggregate", _COUNT, "< 1000")):
            made += _sql(client, plain, archive, name, sql, bound)
    return made


def _filters(client: httpx.Client, plain: duckdb.DuckDBPyConnection, archive: Archive, size: int) -> list[Figure]:
    def ask(number: int) -> None:
        above = {"field": "viewers", "operator": "greater_than", "type": "integer", "value": number * 31 % (VIEWERS - 100)}
        starts = {"field": "headline", "operator": "contains", "type": "string", "value": "a"}
        body = {"conditions": [above, starts], "page_size": size}
        answer = client.post(f"/search/filter/{archive.index_id}", json=body)
        answer.raise_for_status()
        if answer.json()["total_shown"] != size:
            raise RuntimeError("the filter found too little")

    def ask_plainly(number: int) -> None:
        least = number * 31 % (VIEWERS - 100)
        sql = "SELECT segment_id FROM rows WHERE viewers > ? AND contains(headline, 'a') ORDER BY video_id, segment_number"
        plain.execute(f"{sql} LIMIT {size}", [least]).fetchall()

    ours, theirs = _timed(ask), _timed(ask_plainly)
    name = f"filter of {archive.size.segments:,} rows over HTTP, a page of {size}"
    return [
        Figure(f"{name}, median", statistics.median(ours), "ms"),
        Figure(f"{name}, 95 of 100 within", statistics.quantiles(ours, n=20)[-1], "ms", "< 100"),
        Figure("  plain DuckDB on the same files, median", statistics.median(theirs), "ms"),
        Figure("  ratio", statistics.median(ours) / statistics.median(theirs), "x"),
    ]


def _sql(
    client: httpx.Client, plain: duckdb.DuckDBPyConnection, archive: Archive, name: str, sql: str, bound: str
) -> list[Figure]:
    def ask(_: int) -> None:
        client.post(f"/search/sql/{archive.index_id}", json={"query": sql.format(archive.index_id)}).raise_for_status()

    ours, theirs = _timed(ask), _timed(lambda _: plain.execute(sql.format("rows")).fetchall())
    over = statistics.median(ours) - statistics.median(theirs)
    return [
        Figure(f"SQL, {name} over {archive.size.segments:,} rows over HTTP, median", statistics.median(ours), "ms", bound),
        Figure("  plain DuckDB on the same files, median", statistics.median(theirs), "ms"),
        Figure("  over plain DuckDB", over, "ms", "< 150"),
    ]


def _timed(ask: Callable[[int], None]) -> list[float]:
    """Milliseconds of each, the first few left out."""
    taken = []
    for number in range(_WARM + _COUNTED):
        begun = time.perf_counter()
        ask(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return taken[_WARM:]


def _parts(archive: Archive, run: Run, layout: Layout) -> list[tuple[Part, bytes]]:
    videos = {one.video_id: one for one in archive.frame() if isinstance(one, Video)}
    done: list[tuple[Part, bytes]] = []
    with tempfile.TemporaryDirectory(prefix="videovector-bench-") as folder, writing_connection() as connection:
        writer = TableWriter(connection, Path(folder), SEGMENTS, layout.row_types())
        for made in archive.segments():
            for _, row in made:
                part = writer.add(shred(layout, segment_row(run, row, videos[row.video_id]), row.metadata).row)
                done += [(part, part.path.read_bytes())] if part else []
        last = writer.finish()
        done += [(last, last.path.read_bytes())] if last else []
    return done


class _plain:
    """DuckDB in this process on copies of the files, with the columns under their names."""

    def __init__(self, site: BenchSite, archive: Archive) -> None:
        self._settings, self._archive = _settings(site), archive

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._folder = tempfile.TemporaryDirectory(prefix="videovector-bench-")
        objects, store = buckets.connect(self._settings), documents.connect(self._settings)
        run = next(one for one in self._archive.frame() if isinstance(one, Run))
        tables = store.get(RunTables, run.tenant, run.run_id)
        assert tables is not None
        for file in tables.files:
            uri = f"gs://{objects.derived}/{tables_prefix(run.tenant, run.run_id, tables.published)}{file['name']}"
            Path(self._folder.name, file["name"]).write_bytes(objects.read(uri))
        names = {one.physical: one.path for one in Layout.of_schema(self._archive.schema()).columns}
        shown = ", ".join(f'{physical} AS "{path}"' for physical, path in names.items())
        self._connection = duckdb.connect(":memory:", config={"threads": 2})
        self._connection.execute(f"CREATE VIEW rows AS SELECT *, {shown} FROM read_parquet('{self._folder.name}/*.parquet')")
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()


def _settings(site: BenchSite) -> Settings:
    """As the site's functions read them; Google's clients find the site by their own variables."""
    environment = site.environment()
    os.environ.update({name: environment[name] for name in _GOOGLE if name in environment})
    return Settings.from_env(environment)
