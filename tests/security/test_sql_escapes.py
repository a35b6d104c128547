"""SQL of users stays where it belongs: nothing read, written or reached beyond its tables, and no more used than allowed."""

import hashlib
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from shared.tables.sandbox import Job, QueryRefused, QueryTimedOut, Result, Sandbox, folder_of
from tests.security.corpus_of_escapes import BOMBS, ESCAPES, MADE_BOMBS

SECRET = "the-canary-sings"
SECONDS = 2.0


class Cage:
    """A table of five rows, another tenant's beside it, a canary file and somebody who listens."""

    def __init__(self, folder: Path) -> None:
        self.canary = folder / "canary.csv"
        self.canary.write_text(f"secret\n{SECRET}\n")
        self.file, self.foreign = folder / "mine.parquet", folder / "theirs.parquet"
        for path, word in ((self.file, "mine"), (self.foreign, SECRET)):
            duckdb.execute(
                f"COPY (SELECT 'segment:seg_' || range || ':run_1' AS row_id, '{word}' AS video_id, range AS n FROM range(5)) "
                f"TO '{path}' (FORMAT parquet)"
            )
            path.chmod(0o444)
        self.sandbox = Sandbox(seconds=SECONDS)
        self.sandbox.start()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]

    def run(self, sql: str, limit: int = 10) -> Result:
        with folder_of([self.file]) as folder:
            self.folder = folder
            filled = sql
            for name, value in (
                ("{file}", str(self.canary)), ("{folder}", str(folder)), ("{table}", "mine"), ("{other}", "theirs"),
                ("{port}", str(self.port)), ("{{", "{"), ("}}", "}"),
            ):  # fmt: skip
                filled = filled.replace(name, value)
            views = {"mine": f"CREATE VIEW mine AS SELECT * FROM read_parquet(['{folder}/mine.parquet'])"}
            before = self.state()
            try:
                return self.sandbox.run(Job(filled, views, limit), folder)
            finally:
                assert self.state() == before
                assert sorted(path.name for path in folder.iterdir()) == ["mine.parquet"]

    def state(self) -> list[str]:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.file, self.foreign, self.canary)]

    def was_called(self) -> bool:
        try:
            self.listener.accept()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self.sandbox.close()
        self.listener.close()


@pytest.fixture(scope="module")
def cage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cage]:
    os.environ["CANARY"] = SECRET
    made = Cage(tmp_path_factory.mktemp("cage"))
    yield made
    made.close()
    del os.environ["CANARY"]


def test_there_are_enough_attempts() -> None:
    assert len(set(ESCAPES)) >= 80 and len(BOMBS) + len(MADE_BOMBS) >= 12


@pytest.mark.parametrize("sql", ESCAPES)
def test_no_attempt_gets_out(cage: Cage, sql: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        cage.run(sql)
    said = str(refusal.value)
    assert said and SECRET not in said and str(cage.folder) not in said
    assert not cage.was_called()


def test_an_honest_query_runs_in_the_same_cage(cage: Cage) -> None:
    assert cage.run("SELECT count(*) AS n, min(video_id) AS v FROM {table}").rows == [{"n": 5, "v": "mine"}]


@dataclass(frozen=True)
class Ended:
    how: str
    seconds: float


def ended(cage: Cage, sql: str) -> Ended:
    started = time.monotonic()
    try:
        cage.run(sql)
        how = "answered"
    except QueryRefused:
        how = "refused"
    except QueryTimedOut:
        how = "timed out"
    return Ended(how, time.monotonic() - started)


@pytest.mark.parametrize("sql", [*BOMBS, *MADE_BOMBS.values()], ids=[*BOMBS, *MADE_BOMBS])
def test_every_bomb_ends_within_its_limits(cage: Cage, sql: str) -> None:
    """Only the largest child that this process ever waited for is known: a bomb is never a new largest above the limit."""
    largest_before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    end = ended(cage, sql)
    assert end.how in ("answered", "refused", "timed out")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(largest_before, 1024 * 1024), "KiB"


def test_a_query_that_never_ends_is_killed_when_its_time_is_over(cage: Cage) -> None:
    assert ended(cage, BOMBS[9]).how == "timed out"


def test_a_bomb_leaves_no_process_behind_and_the_next_query_is_answered(cage: Cage) -> None:
    ended(cage, BOMBS[9])
    assert cage.run("SELECT n FROM {table} WHERE n = 3").rows == [{"n": 3}]
    assert all(spare.poll() is None for spare in cage.sandbox._spares)


def test_somebody_elses_query_is_answered_while_bombs_go_off(cage: Cage) -> None:
    bombs = [threading.Thread(target=ended, args=(cage, BOMBS[9])) for _ in range(2)]
    for bomb in bombs:
        bomb.start()
    try:
        assert cage.run("SELECT sum(n) AS s FROM {table}").rows == [{"s": 10}]
    finally:
        for bomb in bombs:
            bomb.join()


def test_even_without_the_gate_the_process_can_neither_read_nor_write_files(cage: Cage) -> None:
    """The second wall alone: statements that the gate would refuse are put where the product puts its own."""
    with folder_of([cage.file]) as folder:
        for statement in (
            f"CREATE VIEW mine AS SELECT * FROM read_text('{cage.canary}')",
            f"COPY (SELECT 1 AS a) TO '{folder}/out.csv'",
            f"COPY (SELECT 1 AS a) TO '{folder}/mine.parquet' (FORMAT parquet, USE_TMP_FILE false)",
            f"COPY (SELECT 1 AS a) TO '{cage.file}' (FORMAT parquet, USE_TMP_FILE false)",
            "SET lock_configuration = false; SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            before = cage.state()
            with pytest.raises(QueryRefused):
                cage.sandbox.run(Job("SELECT * FROM mine", {"mine": statement}, 5), folder)
            assert cage.state() == before
            assert sorted(path.name for path in folder.iterdir()) == ["mine.parquet"]
