"""A whole product for tests: the runner as people start it, on a port and a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx

from infra.manifests import ROOT

START_SECONDS = 120.0
SDKS = ROOT / ".venv" / "sdk"
ROLES = ("cloud", "models", "work", "api")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return trial.getsockname()[1]


def eventually(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """Waits for a condition and answers what it answered."""
    ends = time.monotonic() + seconds
    while True:
        answer = holds()
        if answer:
            return answer
        assert time.monotonic() < ends, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.05)


async def eventually_there(holds: Callable[[], Awaitable[Any]], seconds: float, what: str) -> Any:
    """The same for a condition that has to be awaited."""
    ends = time.monotonic() + seconds
    while True:
        answer = await holds()
        if answer:
            return answer
        assert time.monotonic() < ends, f"after {seconds:.0f} s still not: {what}"
        await anyio.sleep(0.05)


@dataclass
class Stack:
    """`process` is the supervisor, leader of a process group of its own."""

    data_dir: Path
    port: int
    process: subprocess.Popen[bytes]
    canaries: dict[str, str] = field(default_factory=dict)  # by name: what must never lie in the folder, looked for at the end

    @property
    def said(self) -> dict[str, str]:
        return json.loads((self.data_dir / "credentials.json").read_text())

    @property
    def output(self) -> str:
        return output_file(self.data_dir).read_text()

    def client(self) -> httpx.Client:
        said = self.said
        return httpx.Client(base_url=said["base_url"], headers={"X-API-Key": said["api_key"]}, timeout=60, trust_env=False)

    def children(self) -> dict[str, int]:
        """Role → process id."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, IndexError):
                    continue  # it ended while we looked
                if parent == self.process.pid and b"emulators.runner" in words:
                    found[words[words.index(b"emulators.runner") + 1].decode()] = int(folder.name)
        return found

    def kill_everything(self) -> None:
        """As a crash of the machine's session: no process gets a chance to say goodbye."""
        pids = self.children().values()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        eventually(lambda: not any(alive(pid) for pid in pids), 10, "the children are gone")

    def stop(self) -> float:
        """Seconds it took to stop in order."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - started


def output_file(data_dir: Path) -> Path:
    return data_dir.with_name(data_dir.name + ".out")


def launch(data_dir: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "emulators.runner", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    with output_file(data_dir).open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)


def start(data_dir: Path, port: int | None = None) -> Stack:
    """Starts it and waits until it has said its credentials, which it does once it is healthy."""
    port = port or free_port()
    credentials = data_dir / "credentials.json"
    before = credentials.stat().st_mtime_ns if credentials.exists() else 0
    stack = Stack(data_dir, port, launch(data_dir, port))

    def ready() -> bool:
        assert stack.process.poll() is None, stack.output
        return credentials.exists() and credentials.stat().st_mtime_ns != before

    try:
        eventually(ready, START_SECONDS, "the stack is up")
    except BaseException as error:
        error.add_note(stack.output)
        stack.stop()
        raise
    return stack


def alive(pid: int) -> bool:
    """A zombie is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def run_with_client(version: str, stack: Stack, script: str, **given: Any) -> Any:
    """Runs a script with a published client, alone in a process; what it assigns to `answer` comes back.

    In the script `client` is a client of the stack and `given` holds the keyword arguments.
    """
    said = stack.said
    program = (
        "import json, sys\n"
        "import videovector\n"
        "asked = json.loads(sys.stdin.read())\n"
        "given = asked['given']\n"
        "client = videovector.VideoVector(api_key=asked['api_key'], base_url=asked['base_url'])\n"
        "answer = None\n"
        f"{script}\n"
        "print(json.dumps(answer, default=str))\n"
    )
    asked = json.dumps({"given": given, "api_key": said["api_key"], "base_url": said["base_url"]})
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SDKS / version), "NO_PROXY": "*"}
    done = subprocess.run([sys.executable, "-c", program], input=asked, capture_output=True, text=True, env=env, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
