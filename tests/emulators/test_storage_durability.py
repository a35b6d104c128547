"""What a killed process leaves, what a restart finds, and how much memory a large object takes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from emulators.clock import ManualClock
from emulators.storage.checksums import Declared
from emulators.storage.engine import Engine
from emulators.storage.errors import StorageError
from emulators.storage.objects import Source, Target
from emulators.storage.sessions import QUANTUM, Session, Span
from tests.emulators.storage_world import a_quiet_engine, a_world

ROOT = Path(__file__).parents[2]
MIB = 1 << 20

WRITER = """
import hashlib, itertools, os, sys, time
from pathlib import Path
from emulators.storage.engine import Engine
from emulators.storage.objects import Target
engine = Engine(Path(sys.argv[1]), time.time, lambda email: None, lambda *event: None)
engine.buckets.create("demo", {"name": "originals"})
for number in itertools.count():
    name, content = f"o{number % 5}/{number}", os.urandom(200_000)
    draft = engine.state.contents.draft()
    for start in range(0, len(content), 50_000):
        draft.write(content[start:start + 50_000])
    engine.objects.put(Target("originals", name, {}), draft)
    print(name, hashlib.sha256(content).hexdigest(), flush=True)
"""

SERVER = """
import sys, time
from pathlib import Path
from emulators.faults import Faults
from emulators.storage.engine import Engine
from emulators.storage.server import serve
engine = Engine(Path(sys.argv[1]), time.time, lambda email: None, lambda *event: None)
running = serve(engine, Faults())
print(running.port, flush=True)
sys.stdin.read()
running.stop()
"""


def child(program: str, data_dir: Path) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", program, str(data_dir)], cwd=ROOT, **pipes)


def files(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "cloud" / "objects").rglob("*") if path.is_file()}


def read(engine: Engine, name: str) -> bytes:
    _, file = engine.objects.open(Source("originals", name))
    with file:
        return file.read()


def put(engine: Engine, name: str, content: bytes) -> None:
    draft = engine.state.contents.draft()
    draft.write(content)
    engine.objects.put(Target("originals", name, {}), draft)


def test_a_killed_writer_leaves_whole_objects_and_nothing_else(tmp_path):
    writer = child(WRITER, tmp_path)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().split() for _ in range(40)]
    writer.kill()
    acknowledged += [line.split() for line in writer.stdout.read().splitlines()]
    writer.wait()
    engine = a_quiet_engine(tmp_path, ManualClock())
    for name, digest in acknowledged:
        assert hashlib.sha256(read(engine, name)).hexdigest() == digest
    with engine.state.reading() as db:
        kept = {row[0] for row in db.execute("SELECT content FROM objects")}
    assert files(tmp_path) == kept and len(kept) >= len(acknowledged)


def test_orphans_of_every_kind_are_swept_at_the_start(tmp_path):
    engine = a_quiet_engine(tmp_path, ManualClock())
    engine.buckets.create("demo", {"name": "originals"})
    put(engine, "kept", b"kept")
    kept = files(tmp_path)
    engine.state.contents.draft().write(b"never finished")
    renamed = engine.state.contents.draft()
    engine.state.contents.keep(renamed)  # as if killed between the rename and the row
    assert len(files(tmp_path) - kept) == 2
    engine.close()
    again = a_quiet_engine(tmp_path, ManualClock())
    assert files(tmp_path) == kept and read(again, "kept") == b"kept"


def test_overwriting_and_deleting_leave_no_bytes_behind(tmp_path):
    engine = a_quiet_engine(tmp_path, ManualClock())
    engine.buckets.create("demo", {"name": "originals"})
    for content in (b"one", b"two"):
        put(engine, "a", content)
    assert len(files(tmp_path)) == 1
    engine.objects.delete(Source("originals", "a"))
    assert files(tmp_path) == set()


def test_generations_rise_though_the_clock_was_set_back(tmp_path):
    generations = []
    for start in (2_000_000_000.0, 1_000_000_000.0):
        engine = a_quiet_engine(tmp_path, ManualClock(start))
        if not generations:
            engine.buckets.create("demo", {"name": "originals"})
        put(engine, "a", b"x")
        generations.append(engine.objects.get(Source("originals", "a")).generation)
        engine.close()
    assert generations[0] < generations[1]


@pytest.fixture
def started(tmp_path: Path) -> tuple[Path, Session, bytes]:
    """A session of which half was acknowledged by a process that is gone."""
    content = os.urandom(2 * QUANTUM)
    engine = a_quiet_engine(tmp_path, ManualClock())
    engine.buckets.create("demo", {"name": "originals"})
    session = engine.sessions.start(Target("originals", "film", {}), Declared())
    writing = engine.sessions.begin(session.id, Span(0, QUANTUM - 1, 2 * QUANTUM))
    writing.write(content[:QUANTUM])
    writing.finish(Declared())
    engine.close()
    return tmp_path, session, content


def test_an_upload_goes_on_after_a_restart(started):
    data_dir, session, content = started
    engine = a_quiet_engine(data_dir, ManualClock())
    assert engine.sessions.get(session.id).received == QUANTUM
    writing = engine.sessions.begin(session.id, Span(QUANTUM, 2 * QUANTUM - 1, 2 * QUANTUM))
    writing.write(content[QUANTUM:])
    writing.finish(Declared())
    assert read(engine, "film") == content
    again = engine.sessions.begin(session.id, Span(total=2 * QUANTUM)).finish(Declared())
    assert again == engine.objects.get(Source("originals", "film"))


def test_a_broken_connection_keeps_what_came_in_whole_quanta(started):
    data_dir, session, content = started
    engine = a_quiet_engine(data_dir, ManualClock())
    writing = engine.sessions.begin(session.id, Span(QUANTUM, 2 * QUANTUM - 1, 2 * QUANTUM))
    writing.write(content[QUANTUM : QUANTUM + 1000])
    with pytest.raises(StorageError, match="writing to this session"):
        engine.sessions.begin(session.id, Span())
    writing.abort()
    assert engine.sessions.get(session.id).received == QUANTUM


def test_a_cancel_during_a_write_ends_the_upload(started):
    data_dir, session, content = started
    engine = a_quiet_engine(data_dir, ManualClock())
    writing = engine.sessions.begin(session.id, Span(QUANTUM, 2 * QUANTUM - 1, 2 * QUANTUM))
    writing.write(content[QUANTUM:])
    engine.sessions.cancel(session.id)
    with pytest.raises(StorageError, match="cancelled"):
        writing.finish(Declared())
    with pytest.raises(StorageError, match="No such object"):
        engine.objects.get(Source("originals", "film"))
    assert files(data_dir) == set()


def test_a_reset_forgets_all(tmp_path):
    engine = a_quiet_engine(tmp_path, ManualClock())
    engine.buckets.create("demo", {"name": "originals"})
    put(engine, "a", b"x")
    engine.reset()
    assert files(tmp_path) == set() and engine.buckets.page("demo", "", "", 10) == ([], None)


def test_a_restarted_service_finds_everything_again(tmp_path):
    with a_world(tmp_path) as world:
        world.bucket.blob("a").upload_from_string(b"kept", content_type="text/plain")
    engine = a_quiet_engine(tmp_path, ManualClock())
    assert read(engine, "a") == b"kept"
    assert engine.objects.get(Source("originals", "a")).content_type == "text/plain"


def test_a_large_object_does_not_pass_through_memory(tmp_path):
    server = child(SERVER, tmp_path)
    assert server.stdin is not None and server.stdout is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"

    def peak() -> int:
        status = Path(f"/proc/{server.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    try:
        requests.post(f"{url}/storage/v1/b?project=p", json={"name": "originals"}, timeout=5)
        upload = f"{url}/upload/storage/v1/b/originals/o?uploadType=media&name="
        requests.post(f"{upload}small", data=bytes(2 * MIB), timeout=5)
        before, block = peak(), os.urandom(MIB)
        requests.post(f"{upload}large", data=(block for _ in range(150)), timeout=60).raise_for_status()
        with requests.get(f"{url}/storage/v1/b/originals/o/large?alt=media", stream=True, timeout=60) as answer:
            assert sum(len(part) for part in answer.iter_content(MIB)) == 150 * MIB
        assert peak() - before < 30 * MIB
    finally:
        server.stdin.close()
        server.wait(timeout=10)
