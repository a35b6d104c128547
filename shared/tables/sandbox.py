"""Running SQL of users: each query in a process of its own, taken warm from a small reserve and never used twice.

The process sees a folder made for this query, with links to the caller's table files and nothing else; it cannot write, has a
limit on memory and time, and is killed when its time is over whatever it is doing.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.tables import leftovers
from shared.tables.inmate import MOST_RESULT_BYTES, READY

SECONDS = 5.0  # of one query, from the moment its process has it
_START_SECONDS = 20.0
_RESERVE = 2
AT_ONCE = 4
WAIT_SECONDS = 10.0  # for one of the places
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); sys.argv[1:] = []; from shared.tables.inmate import main; main()"
)
_KEPT_VARIABLES = ("LD_LIBRARY_PATH",)  # without it some hosts' interpreters do not start


class QueryRefused(Exception):
    """The query is not one that may run, or it failed; says why in words for whoever wrote it."""


class QueryTimedOut(Exception):
    """It was still running when its time was over."""


class Busy(Exception):
    """All places are taken by other queries."""


@dataclass(frozen=True)
class Job:
    """`views` has, by lower-case table name, the statement that makes it of files named by their path under `folder`."""

    sql: str
    views: Mapping[str, str]
    limit: int


@dataclass(frozen=True)
class Result:
    """`rows` keyed by column; `row_context` beside each where it comes from, as far as that is known. `complete`: the tables
    were those of all runs."""

    columns: list[dict[str, str]]
    rows: list[dict[str, Any]]
    row_context: list[dict[str, Any]]
    truncated: bool
    tables: list[str]
    milliseconds: float = 0.0
    complete: bool = True


@dataclass
class Sandbox:
    """Safe for threads. `seconds` is the wall time that one query gets."""

    seconds: float = SECONDS
    reserve: int = _RESERVE
    _spares: deque[subprocess.Popen] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE))

    def start(self) -> None:
        """Fills the reserve, so that the first query does not wait for its process."""
        with self._lock:
            while len(self._spares) < self.reserve:
                self._spares.append(_spawn())

    def close(self) -> None:
        with self._lock:
            spares, self._spares = list(self._spares), deque()
        for process in spares:
            _end(process)

    def run(self, job: Job, folder: Path) -> Result:
        """Raises `QueryRefused`, `QueryTimedOut` or `Busy`."""
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise Busy
        try:
            return self._run(job, folder)
        finally:
            self._places.release()

    def _run(self, job: Job, folder: Path) -> Result:
        process = self._take()
        try:
            _wait_until_ready(process)
            started = time.monotonic()
            content = self._ask(process, job, folder, started + self.seconds)
        finally:
            _end(process)
        try:
            answer = json.loads(content)
        except ValueError as error:  # it died: of its limits, or of a fault in the engine
            raise QueryRefused("the query used more memory or time than it may, or the engine failed on it") from error
        if "refused" in answer:
            raise QueryRefused(answer["refused"])
        return Result(**answer, milliseconds=round((time.monotonic() - started) * 1000, 1))

    def _take(self) -> subprocess.Popen:
        with self._lock:
            process = self._spares.popleft() if self._spares else _spawn()
            while len(self._spares) < self.reserve:
                self._spares.append(_spawn())
        return process if process.poll() is None else _spawn()

    def _ask(self, process: subprocess.Popen, job: Job, folder: Path, deadline: float) -> bytes:
        sent = {"sql": job.sql, "views": dict(job.views), "limit": job.limit, "folder": str(folder), "seconds": int(self.seconds)}
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(sent).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return b""
        return _read(process, deadline)


def _spawn() -> subprocess.Popen:
    """Isolated from the environment and the user's site; it finds modules where this process does."""
    path = json.dumps([str(Path(one or ".").resolve()) for one in sys.path])
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _BOOT, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        close_fds=True,
        start_new_session=True,
    )


def _wait_until_ready(process: subprocess.Popen) -> None:
    assert process.stdout is not None
    deadline, said = time.monotonic() + _START_SECONDS, b""
    while len(said) < len(READY):
        piece = _piece(process.stdout.fileno(), len(READY) - len(said), deadline)
        if not piece:
            raise ConnectionError("the process for SQL did not start")
        said += piece


def _read(process: subprocess.Popen, deadline: float) -> bytes:
    assert process.stdout is not None
    pieces: list[bytes] = []
    size = 0
    while piece := _piece(process.stdout.fileno(), 1 << 20, deadline):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_RESULT_BYTES + 1024:
            return b""
    return b"".join(pieces)


def _piece(descriptor: int, most: int, deadline: float) -> bytes:
    """What has come; nothing at the end. Raises `QueryTimedOut`."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise QueryTimedOut
    return os.read(descriptor, most)


def _end(process: subprocess.Popen) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    process.wait()


@contextlib.contextmanager
def folder_of(files: Sequence[Path]) -> Any:
    """A folder with links to the files, readable and nothing more, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=leftovers.prefix("sql"))).resolve()
    try:
        for file in files:
            _link(file, folder / file.name)
        folder.chmod(0o555)
        yield folder
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, target)
        target.chmod(0o444)
