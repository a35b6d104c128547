"""A fresh site for one measurement: the runner, on a free port, with an empty folder."""

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.api import Api
from demo.site import running


@dataclass(frozen=True)
class BenchSite:
    port: int
    data_dir: Path
    credentials: dict[str, str]

    def api(self) -> Api:
        return Api(self.credentials["base_url"], self.credentials["api_key"])

    def processes(self) -> dict[str, int]:
        """Role → process id of everything the site runs, the supervisor and grandchildren included."""
        owner = int((self.data_dir / "runner.lock").read_text())
        parents = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    continue  # it ended while we looked
        found, todo = {"supervisor": owner}, [owner]
        while todo:
            parent = todo.pop()
            for pid in [pid for pid, above in parents.items() if above == parent]:
                found[_role(pid)] = pid
                todo.append(pid)
        return found

    def environment(self) -> dict[str, str]:
        """What the site's functions are told."""
        content = Path(f"/proc/{self.processes()['api']}/environ").read_bytes().decode()
        return dict(line.split("=", 1) for line in content.split("\0") if "=" in line)


def _role(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    if "emulators.runner" in words:
        return words[words.index("emulators.runner") + 1]
    return f"process {pid}"


@contextmanager
def fresh() -> Iterator[BenchSite]:
    folder = Path(tempfile.mkdtemp(prefix="videovector-bench-"))
    port = free_port()
    try:
        with running(port, folder / "data"):
            said = json.loads((folder / "data" / "credentials.json").read_text())
            yield BenchSite(port, folder / "data", said)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return trial.getsockname()[1]
