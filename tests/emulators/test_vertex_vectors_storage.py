"""What the vector engine keeps, on disk and in order: crashes, compaction, and answers equal to a plain computation."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulators.vertex.vectors.datapoint import Datapoint, IndexSpec, NumericRestrict, Query, Restrict, Sparse
from emulators.vertex.vectors.engine import VectorEngine

SPEC = IndexSpec(index="i", endpoint="e", deployed_index_id="d", dimensions=8)


def an_engine(folder: Path | None, *, compact_from: int = 4096) -> VectorEngine:
    database = folder / "vertex.sqlite" if folder else None
    return VectorEngine([SPEC], database=database, folder=folder / "blocks" if folder else None, compact_from=compact_from)


def a_point(name: str, seed: int = 0, **allowed: str) -> Datapoint:
    vector = np.random.default_rng(seed).standard_normal(8).astype(np.float32)
    return Datapoint(name, vector, restricts=[Restrict(key, (value,)) for key, value in allowed.items()])


def names(engine: VectorEngine, point: Datapoint, count: int = 1000, **allowed: str) -> list[str]:
    asked = Datapoint("q", point.vector, restricts=[Restrict(key, (value,)) for key, value in allowed.items()])
    return [neighbor.id for neighbor in engine.find(SPEC, [Query(asked, count=count)])[0]]


WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tests.emulators.test_vertex_vectors_storage import SPEC, a_point, an_engine
engine = an_engine(Path(sys.argv[1]), compact_from=40)
round = 0
while True:
    engine.upsert(SPEC, [a_point(f"p{n}", round * 100 + n, index=f"i{n % 2}", round=str(round)) for n in range(30)])
    engine.remove(SPEC, [f"p{n}" for n in range(0, 30, 7)])
    print(round, flush=True)
    round += 1
"""


def test_what_was_acknowledged_survives_a_killed_process(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert writer.stdout is not None
    acknowledged = -1
    for line in writer.stdout:
        acknowledged = int(line)
        if acknowledged >= 12:
            break
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split()
    writer.wait()
    acknowledged = int(rest[-1]) if rest else acknowledged

    engine = an_engine(tmp_path, compact_from=40)
    points = engine.read(SPEC, [f"p{n}" for n in range(30)])
    rounds = {int(restrict.allow[0]) for point in points for restrict in point.restricts if restrict.namespace == "round"}
    assert len(rounds) == 1, "an upsert is there whole or not at all"
    last = rounds.pop()
    assert last in (acknowledged, acknowledged + 1)
    assert len(points) in (25, 30) and engine.count(SPEC) == len(points)
    for point in points:
        number = int(point.id[1:])
        assert np.array_equal(point.vector, a_point("", last * 100 + number).vector)
        assert point.id in names(engine, point, index=f"i{number % 2}", round=str(last))
    assert sorted(names(engine, points[0])) == sorted(point.id for point in points)
    engine.close()


def test_a_second_engine_on_the_same_files_answers_the_same(tmp_path: Path) -> None:
    first = an_engine(tmp_path)
    first.upsert(SPEC, [a_point(f"p{n}", n, index=f"i{n % 3}", kind="text") for n in range(100)])
    first.remove(SPEC, ["p5", "p6"])
    before = names(first, a_point("q", 1), index="i1"), names(first, a_point("q", 1))
    first.close()
    second = an_engine(tmp_path)
    assert (names(second, a_point("q", 1), index="i1"), names(second, a_point("q", 1))) == before
    assert len(before[1]) == 98
    second.close()


def test_bytes_a_dead_writer_left_behind_the_last_row_mean_nothing(tmp_path: Path) -> None:
    engine = an_engine(tmp_path)
    engine.upsert(SPEC, [a_point("a", 1, run="r1")])
    engine.close()
    for path in (tmp_path / "blocks").iterdir():
        with path.open("r+b") as file:  # as if a second row had been written and never committed
            file.seek(0)
            row = file.read(4 if path.suffix == ".tok" else 32)
            file.seek(len(row))
            file.write(row)
    (tmp_path / "blocks" / "99.vec").write_bytes(b"left over")
    engine = an_engine(tmp_path)
    engine.upsert(SPEC, [a_point("b", 2)])
    assert names(engine, a_point("q", 1), run="r1") == ["a"]
    assert not (tmp_path / "blocks" / "99.vec").exists()
    engine.close()


@pytest.mark.parametrize("on_disk", [True, False])
def test_compaction_keeps_every_living_datapoint_and_gives_the_room_back(tmp_path: Path, on_disk: bool) -> None:
    folder = tmp_path if on_disk else None
    engine = an_engine(folder, compact_from=50)
    for n in range(0, 300, 100):
        points = [a_point(f"p{m}", m, run=f"r{m % 4}") for m in range(n, n + 100)]
        for point in points:
            point.sparse = Sparse((int(point.id[1:]),), (1.0,))
            point.numerics = [NumericRestrict("n", "int", int(point.id[1:]))]
        engine.upsert(SPEC, points)
    engine.remove(SPEC, [f"p{n}" for n in range(300) if n % 3])
    assert sorted(names(engine, a_point("q"))) == sorted(f"p{n}" for n in range(0, 300, 3))
    for n in (0, 150, 297):
        asked = Datapoint("q", a_point("", n).vector, restricts=[Restrict("run", (f"r{n % 4}",))])
        asked.numerics = [NumericRestrict("n", "int", n, "EQUAL")]
        assert [neighbor.id for neighbor in engine.find(SPEC, [Query(asked)])[0]] == [f"p{n}"]
        words = Datapoint("q", sparse=Sparse((n,), (1.0,)))
        assert [neighbor.id for neighbor in engine.find(SPEC, [Query(words)])[0]] == [f"p{n}"]
    if on_disk:
        assert {path.name.split(".")[0] for path in (tmp_path / "blocks").iterdir()} == {"2"}, "the old block is gone"
        engine.close()
        engine = an_engine(folder)
        assert len(names(engine, a_point("q"))) == 100
    engine.remove(SPEC, [f"p{n}" for n in range(300)])
    assert names(engine, a_point("q")) == []
    if on_disk:
        assert list((tmp_path / "blocks").iterdir()) == []
    engine.close()


def test_a_datapoint_replaced_for_ever_does_not_grow_the_files(tmp_path: Path) -> None:
    engine = an_engine(tmp_path, compact_from=20)
    for turn in range(100):
        engine.upsert(SPEC, [a_point("a", turn)])
    assert len(list((tmp_path / "blocks").glob("*.vec"))) == 1
    with sqlite3.connect(tmp_path / "vertex.sqlite") as book:
        [(rows,)] = book.execute("SELECT rows FROM blocks").fetchall()
    assert rows <= 22
    assert np.array_equal(engine.read(SPEC, ["a"])[0].vector, a_point("", 99).vector)
    engine.close()


def test_a_refused_upsert_leaves_what_was_there(tmp_path: Path) -> None:
    engine = an_engine(tmp_path)
    engine.upsert(SPEC, [a_point("a", 1, index="one")])
    unwritable = a_point("b", 2, index="two")
    unwritable.metadata = {"x": object()}  # no JSON for it: the transaction fails half way, after vectors were written
    with pytest.raises(TypeError):
        engine.upsert(SPEC, [a_point("a", 3, index="one"), unwritable])
    assert names(engine, a_point("q", 1), index="one") == ["a"]
    assert np.array_equal(engine.read(SPEC, ["a"])[0].vector, a_point("", 1).vector)
    engine.upsert(SPEC, [a_point("c", 4, index="two")])
    assert names(engine, a_point("q", 1), index="two") == ["c"]
    engine.close()


def test_writers_and_readers_at_once_lose_nothing(tmp_path: Path) -> None:
    engine = an_engine(tmp_path, compact_from=20)

    def write_and_look(worker: int) -> None:
        for turn in range(10):
            engine.upsert(SPEC, [a_point(f"w{worker}-{n}", turn * 10 + n, index=f"i{n % 2}") for n in range(20)])
            assert len([name for name in names(engine, a_point("q")) if name.startswith(f"w{worker}-")]) == 20
            engine.remove(SPEC, [f"w{worker}-{n}" for n in range(10, 20)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_and_look, range(4)))
    assert sorted(names(engine, a_point("q"))) == sorted(f"w{worker}-{n}" for worker in range(4) for n in range(10))
    engine.close()


def test_an_index_cannot_change_its_dimensions(tmp_path: Path) -> None:
    an_engine(tmp_path).close()
    with pytest.raises(ValueError, match="8 dimensions"):
        VectorEngine([IndexSpec("i", "e", "d", dimensions=9)], database=tmp_path / "vertex.sqlite", folder=tmp_path / "blocks")


TOKENS = st.sampled_from(["", "a", "b", "c"])
STEP = st.tuples(st.sampled_from(["upsert", "remove"]), st.integers(0, 14), st.integers(0, 5), TOKENS, TOKENS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, max_size=40), index=TOKENS, run=TOKENS, count=st.integers(1, 8))
def test_any_history_answers_like_sorting_the_living_by_dot_product(
    steps: list[tuple[str, int, int, str, str]], index: str, run: str, count: int
) -> None:
    engine, living = an_engine(None, compact_from=6), {}
    for verb, number, seed, index_token, run_token in steps:
        name = f"p{number}"
        if verb == "remove":
            engine.remove(SPEC, [name])
            living.pop(name, None)
            continue
        allowed = {key: value for key, value in (("index", index_token), ("run", run_token)) if value}
        living[name] = a_point(name, seed, **allowed)
        engine.upsert(SPEC, [living[name]])
    asked = {key: value for key, value in (("index", index), ("run", run)) if value}
    query = a_point("q", 99)
    wanted = [p for p in living.values() if asked.items() <= {r.namespace: r.allow[0] for r in p.restricts}.items()]
    wanted.sort(key=lambda p: (-float((p.vector.astype(np.float64) * query.vector).sum()), p.id))
    assert names(engine, query, count, **asked) == [p.id for p in wanted[:count]]


@pytest.mark.parametrize("spread", [1.0, 0.05, 0.0002])
@pytest.mark.parametrize("on_disk", [False, True])
def test_the_nearest_of_thousands_are_exactly_those_however_close_they_lie(tmp_path: Path, on_disk: bool, spread: float) -> None:
    chance = np.random.default_rng(7)
    vectors = (np.ones(8) + spread * chance.standard_normal((4_000, 8))).astype(np.float32)
    vectors[1_000:1_050] = vectors[2_000]  # some are the same
    engine = an_engine(tmp_path if on_disk else None)
    halves = [Restrict("index", ("i0",))], [Restrict("index", ("i1",))]  # two blocks
    engine.upsert(SPEC, [Datapoint(f"p{n:04}", vector, restricts=halves[n % 2]) for n, vector in enumerate(vectors)])
    asked = chance.standard_normal((20, 8)).astype(np.float32)
    for count, query in zip([1, 10, 120, 999] * 5, asked, strict=True):
        scores = (vectors.astype(np.float64) * query).sum(axis=1)
        nearest = sorted(range(len(vectors)), key=lambda n: (-float(scores[n]), n))[:count]
        assert names(engine, Datapoint("q", query), count) == [f"p{n:04}" for n in nearest]


def test_where_hundreds_are_equal_at_the_edge_those_written_first_are_given_and_the_list_is_full(tmp_path: Path) -> None:
    engine = an_engine(tmp_path)
    one = a_point("", 1).vector
    points = [Datapoint(f"p{n:04}", one, sparse=Sparse((7,), (2.0 if n == 900 else 1.0,))) for n in range(1_000)]
    engine.upsert(SPEC, points)
    [found] = engine.find(SPEC, [Query(Datapoint("q", None, sparse=Sparse((7,), (1.0,))), count=40)])
    assert [neighbor.id for neighbor in found] == ["p0900", *(f"p{n:04}" for n in range(39))]


WIDE = IndexSpec(index="wide", endpoint="wide", deployed_index_id="wide", dimensions=100)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorEngine, np.ndarray]:
    """Forty thousand vectors without a number below zero, as pictures have; the first 9,000 are near one place and crowd it."""
    chance = np.random.default_rng(11)
    topics = chance.random((200, 100)) ** 4
    vectors = topics[chance.integers(1, 200, 40_000)] + 0.3 * chance.random((40_000, 100))
    vectors[:9_000] = topics[0] + 0.1 * chance.random((9_000, 100))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    folder = tmp_path_factory.mktemp("large")
    engine = VectorEngine([WIDE], database=folder / "vertex.sqlite", folder=folder / "blocks")
    points = [
        Datapoint(f"p{n:05}", vector, restricts=[Restrict("run", (f"r{n % 2}",))], crowding="one" if n < 9_000 else f"c{n}")
        for n, vector in enumerate(vectors)
    ]
    for start in range(0, len(points), 10_000):  # the block grows while it is asked
        engine.upsert(WIDE, points[start : start + 10_000])
        engine.find(WIDE, [Query(Datapoint("q", vectors[0]), count=3)])
    return engine, vectors


@pytest.mark.parametrize("run", ["", "r1"])
def test_of_very_many_the_nearest_are_found_and_scored_exactly(large: tuple[VectorEngine, np.ndarray], run: str) -> None:
    engine, vectors = large
    allow = [Restrict("run", (run,))] if run else []
    allowed = np.arange(1 if run else 0, len(vectors), 2 if run else 1)
    found_of_all = 0
    for n in range(9_001, 40_000, 775):
        scores = vectors[allowed].astype(np.float64) @ vectors[n]
        nearest = {f"p{allowed[place]:05}" for place in np.argsort(-scores)[:20]}
        [found] = engine.find(WIDE, [Query(Datapoint("q", vectors[n], restricts=allow), count=20)])
        found_of_all += len(nearest & {one.id for one in found})
        assert all(one.distance == pytest.approx(vectors[int(one.id[1:])].astype(np.float64) @ vectors[n]) for one in found)
        assert [one.distance for one in found] == sorted((one.distance for one in found), reverse=True)
    assert found_of_all >= 0.99 * 20 * 40


def test_of_thousands_that_are_nearly_the_same_the_very_one_comes_first(large: tuple[VectorEngine, np.ndarray]) -> None:
    engine, vectors = large
    for n in range(0, 9_000, 1_000):
        [found] = engine.find(WIDE, [Query(Datapoint("q", vectors[n]), count=20)])
        twentieth = np.sort(vectors.astype(np.float64) @ vectors[n])[-20]
        assert found[0].id == f"p{n:05}"
        assert found[-1].distance == pytest.approx(twentieth, abs=0.01)


def test_a_crowd_larger_than_what_is_looked_at_first_does_not_shorten_the_list(large: tuple[VectorEngine, np.ndarray]) -> None:
    engine, vectors = large
    [found] = engine.find(WIDE, [Query(Datapoint("q", vectors[0]), count=50, per_crowding=1)])
    assert len(found) == 50
    assert [one.id for one in found if int(one.id[1:]) < 9_000] == ["p00000"]
