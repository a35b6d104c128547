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
    try:
        with site_on(folder / "data") as site:
            yield site
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def site_on(data_dir: Path) -> Iterator[BenchSite]:
    """A site with the data of a folder, new or as an earlier one left it; it is stopped behind the measurement."""
    port = free_port()
    with running(port, data_dir):
        yield BenchSite(port, data_dir, json.loads((data_dir / "credentials.json").read_text()))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return trial.getsockname()[1]
