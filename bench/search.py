"""Searching a large archive over HTTP, beside the vector engine alone: 100,000 segments with three texts each; filters and SQL
over the tables of the same, beside plain DuckDB.

`make bench-large` measures the same with 1,000,000 text vectors.
"""

import base64
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from bench import tables
from bench.archive import Archive, Language, Size, name_of, open_vectors
from bench.figure import Figure
from bench.site import BenchSite, site_on
from emulators.vertex.server import DEFAULT_INDEX
from emulators.vertex.vectors.datapoint import Datapoint, IndexSpec, Query, Restrict
from emulators.vertex.vectors.engine import VectorEngine

USUAL, LARGE = Size(100_000, 2), Size(100_000, 9)
_WARM, _COUNTED, _AT_ONCE = 10, 100, 50


def run(size: Size = USUAL) -> list[Figure]:
    bars = size == USUAL  # the aims are set for the usual size
    with _archive(size) as (archive, seconds):
        alone = _engine_alone(archive)
        with site_on(archive.data_dir) as site:
            figures = [
                Figure(f"filling {size.segments:,} segments, {size.vectors:,} vectors", seconds, "s"),
                *_one_by_one(site, archive, bars),
                *alone,
                *_together(site, archive),
                *tables.figures(site, archive),
                Figure("  resident memory of the models process, vectors mapped", _resident(site), "MB", "< 400"),
            ]
    return [*figures, *_recall()]


@contextmanager
def _archive(size: Size) -> Iterator[tuple[Archive, float]]:
    """A filled one; `BENCH_ARCHIVE` may name a folder that keeps it for the next time."""
    kept = os.environ.get("BENCH_ARCHIVE")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="videovector-bench-"))
    note = folder / f"filled-{size.segments}-{size.leaves}-with-tables"
    try:
        with site_on(folder) as site:
            api = site.api()
            index_id = api.index("Measured")["index_id"]
            api.close()
        archive = Archive(folder, index_id, size)
        seconds = 0.0
        if not note.exists():
            seconds = archive.fill()
            with site_on(folder) as site:
                tables.plant(site, archive)
            note.write_text(archive.tenant)
        archive.tenant = note.read_text()
        yield archive, seconds
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _questions(count: int, seed: int = 2) -> list[str]:
    """Some words of the archive's language each; every fourth with a name that one segment holds. Other seeds, other questions:
    one asked before is answered from memory in part."""
    language = Language(seed)
    return [language.words(1 + n % 5) + (f" {name_of(n * 97 + seed)}" if n % 4 == 0 else "") for n in range(count)]


def _one_by_one(site: BenchSite, archive: Archive, bars: bool) -> list[Figure]:
    with _client(site) as client:
        path = f"/indexes/{archive.index_id}"
        picture = _picture()
        by_text = _timed(lambda q: client.post(f"{path}/search", json={"query": q}), _questions(_WARM + _COUNTED))
        by_picture = _timed(lambda _: client.post(f"{path}/image-search", json={"image_data": picture}), range(30))
        both = _timed(
            lambda q: client.post(f"{path}/multimodal-search", json={"text_query": q, "image_data": picture}), _questions(40)
        )
    return [
        Figure("text search over HTTP, median", _median(by_text), "ms", "< 60" if bars else ""),
        Figure("text search over HTTP, 95 of 100 within", _p95(by_text), "ms", "< 150" if bars else ""),
        Figure("  of which the question's embedding, median", _embedding(site), "ms"),
        Figure("picture search over HTTP, median", _median(by_picture), "ms"),
        Figure("picture search over HTTP, 95 of 100 within", _p95(by_picture), "ms"),
        Figure("words and picture over HTTP, median", _median(both), "ms"),
        Figure("words and picture over HTTP, 95 of 100 within", _p95(both), "ms"),
    ]


def _engine_alone(archive: Archive) -> list[Figure]:
    """The engine called in this process: the 120 nearest of the index, as a text search asks for them."""
    engine = open_vectors(archive.data_dir)
    try:
        allow = [Restrict("index", (archive.index_id,)), Restrict("kind", ("text",))]
        vectors = Language(3).vectors(_WARM + 50)
        asked = [Query(Datapoint("q", vector, restricts=allow), count=120, per_crowding=4) for vector in vectors]
        taken = []
        for number, query in enumerate(asked):
            begun = time.perf_counter()
            engine.find(DEFAULT_INDEX, [query])
            if number >= _WARM:
                taken.append(time.perf_counter() - begun)
        return [Figure("  the vector engine alone, median", statistics.median(taken) * 1000, "ms")]
    finally:
        engine.close()


def _together(site: BenchSite, archive: Archive) -> list[Figure]:
    """Fifty questions at once, over fifty others one after another; none was asked before."""
    path = f"/indexes/{archive.index_id}/search"
    first, second = _questions(_AT_ONCE, 5), _questions(_AT_ONCE, 6)
    with _client(site) as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        begun = time.perf_counter()
        for question in first:
            client.post(path, json={"query": question}).raise_for_status()
        between = time.perf_counter()
        answers = list(pool.map(lambda question: client.post(path, json={"query": question}), second))
        ended = time.perf_counter()
    failed = sum(answer.status_code != 200 for answer in answers)
    return [
        Figure(f"{_AT_ONCE} text searches at once: failed", failed, "", "<= 0"),
        Figure(
            f"{_AT_ONCE} text searches at once, throughput over one after another",
            (between - begun) / (ended - between),
            "x",
            ">= 1.5",
        ),
    ]


def _embedding(site: BenchSite) -> float:
    """Median of asking the local model for one question's vector, in milliseconds."""
    environment = site.environment()
    base = environment["GOOGLE_VERTEX_BASE_URL"].rstrip("/")
    project, region = environment["PROJECT_ID"], environment.get("REGION", "us-central1")
    path = f"{base}/v1/projects/{project}/locations/{region}/publishers/google/models/gemini-embedding-2:embedContent"
    with httpx.Client(trust_env=False, timeout=30) as client:
        return _median(_timed(lambda q: client.post(path, json={"content": {"parts": [{"text": q}]}}), _questions(40)))


def _recall() -> list[Figure]:
    """The engine's ten nearest of 100,000 vectors, against a plain computation: half of the questions look through all of them,
    half through one run's tenth. Beside it how often they are the very same ten in the same order."""
    spec = IndexSpec(index="recall", endpoint="recall", deployed_index_id="recall")
    engine = VectorEngine([spec])
    language, chance = Language(4), np.random.default_rng(4)
    vectors, runs = language.vectors(100_000), chance.integers(0, 10, 100_000)
    names = [f"{number:06d}" for number in range(len(vectors))]
    restricts = [[Restrict("index", ("i",)), Restrict("run", (str(run_),))] for run_ in runs]
    points = [Datapoint(n, v, restricts=r) for n, v, r in zip(names, vectors, restricts, strict=True)]
    for start in range(0, len(points), 10_000):
        engine.upsert(spec, points[start : start + 10_000])
    hit = same = 0
    asked = language.vectors(100)
    for number, vector in enumerate(asked):
        run_ = str(number % 10)
        allowed = np.flatnonzero(runs == number % 10) if number % 2 else np.arange(len(vectors))
        exact = [names[row] for row in allowed[np.argsort(-(vectors[allowed] @ vector))[:10]]]
        allow = [Restrict("index", ("i",)), *([Restrict("run", (run_,))] if number % 2 else [])]
        found = [one.id for one in engine.find(spec, [Query(Datapoint("q", vector, restricts=allow), count=10)])[0]]
        hit += len(set(found) & set(exact))
        same += found == exact
    engine.close()
    return [
        Figure("recall@10 of the vector engine, half of it under restricts", hit / (10 * len(asked)), "", ">= 0.98"),
        Figure("  the same ten in the same order", same / len(asked), ""),
    ]


def _client(site: BenchSite) -> httpx.Client:
    said = site.credentials
    limits = httpx.Limits(max_connections=_AT_ONCE)
    return httpx.Client(
        base_url=said["base_url"], headers={"X-API-Key": said["api_key"]}, trust_env=False, timeout=120, limits=limits
    )


def _timed(ask: Callable[[Any], httpx.Response], asked: Sequence[Any]) -> list[float]:
    """Milliseconds of each answer, the first ten left out."""
    taken = []
    for question in asked:
        begun = time.perf_counter()
        ask(question).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken[_WARM:]


def _median(taken: list[float]) -> float:
    return statistics.median(taken)


def _p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def _resident(site: BenchSite) -> float:
    lines = Path(f"/proc/{site.processes()['models']}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _picture() -> str:
    shades = np.add.outer(np.arange(180), np.arange(320)) % 256
    out = io.BytesIO()
    Image.fromarray(np.stack([shades, 255 - shades, shades // 2], axis=2).astype(np.uint8)).save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()
