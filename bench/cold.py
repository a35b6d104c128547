"""Cold starts: from the command to the first answer, for each function as it is deployed.

Beside each stands its floor: the same host with a function that does nothing but import the clients of the services that the
function has roles for. What is above the floor is ours. They are compared by the seconds of processor time that they take, which
a machine that does other things as well changes little; the seconds on the clock stand beside.
"""

import http.client
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.figure import Figure
from infra.manifests import Manifest, load_manifests
from infra.package import entries

Spent = tuple[float, float]  # seconds on the clock, seconds of processor time

_ROUNDS = 3
_LONGEST = 60.0
_MOST = 1.25
_CLIENTS = {
    "datastore": "google.cloud.firestore",
    "storage": "google.cloud.storage",
    "cloudtasks": "google.cloud.tasks_v2",
    "pubsub": "google.cloud.pubsub_v1",
    "aiplatform": "google.auth.transport.requests",
}
_EMPTY = """
import functions_framework
import pydantic
{imports}

class Body(pydantic.BaseModel):
    name: str

@functions_framework.http
def nothing(request):
    return "ok"
"""
_EMPTY_ASYNC = """
import functions_framework.aio
import pydantic
{imports}

class Body(pydantic.BaseModel):
    name: str

@functions_framework.aio.http
async def nothing(request):
    return "ok"
"""


def run() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory(prefix="videovector-bench-") as folder:
        for manifest in load_manifests():
            (clock, worked), (_, floor) = measure(manifest, Path(folder))
            figures.append(Figure(f"cold start of {manifest.name}", clock * 1000, "ms"))
            said = f"… {worked * 1000:.0f} ms of work to {floor * 1000:.0f} ms of its clients alone"
            figures.append(Figure(said, worked / floor, "x", f"<= {_MOST}"))
    return figures


def measure(manifest: Manifest, folder: Path, rounds: int = _ROUNDS) -> tuple[Spent, Spent]:
    """What the function takes to its first answer, and its floor: the least of several, taken in turn."""
    real, empty = _unpacked(manifest, folder / manifest.name), _floor(manifest, folder)
    for source in (real, empty):
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(source)], check=True)
    times = [(_start(real, manifest.entry_point), _start(empty, "nothing")) for _ in range(rounds + 1)]
    return _least(real for real, _ in times[1:]), _least(floor for _, floor in times[1:])  # the first reads the disk


def _least(times: Iterable[Spent]) -> Spent:
    clocks, works = zip(*times, strict=True)
    return min(clocks), min(works)


def clients(manifest: Manifest) -> list[str]:
    """Modules of the clients that its roles are for."""
    services = {role.partition(".")[0] for role in manifest.roles}
    return [module for service, module in _CLIENTS.items() if service in services]


def _unpacked(manifest: Manifest, folder: Path) -> Path:
    for path, content in entries(manifest).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def _floor(manifest: Manifest, folder: Path) -> Path:
    place = folder / f"{manifest.name}-floor"
    place.mkdir()
    is_async = "functions_framework.aio" in (manifest.folder / "main.py").read_text()
    text = (_EMPTY_ASYNC if is_async else _EMPTY).format(imports="\n".join(f"import {name}" for name in clients(manifest)))
    (place / "main.py").write_text(text)
    return place


def _worked() -> float:
    """Seconds that processes started from here, and over by now, kept a processor busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start(source: Path, target: str) -> Spent:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port = trial.getsockname()[1]
    command: Sequence[str] = [sys.executable, "-W", "ignore", "-m", "functions_framework", "--source", "main.py"]
    command = [*command, "--target", target, "--host", "127.0.0.1", "--port", str(port)]
    env = {"PATH": os.environ["PATH"], "HOME": str(source), "THREADS": "4", "PYTHONWARNINGS": "ignore"}
    before, begun = _worked(), time.perf_counter()
    process = subprocess.Popen(command, cwd=source, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - begun > _LONGEST:
                raise RuntimeError(f"{target} did not come up")
            time.sleep(0.003)
        clock = time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(15)
    return clock, _worked() - before


def _answers(port: int) -> bool:
    """A list is no message of any stage: it is refused without a look at the settings, which are not there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/there/is/nothing", b"[]", {"Content-Type": "application/json"})
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
