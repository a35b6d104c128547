"""Stores of other makers, each a server in a process of its own, and all that a user does with connectors to them."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from functions.api.connectors import handlers as connectors
from functions.api.connectors.routes import ROUTES as CONNECTORS
from functions.api.import_jobs import handlers as import_jobs
from functions.api.import_jobs.routes import ROUTES as IMPORT_JOBS
from functions.api.videos import deps as videos
from functions.api.videos.routes import ROUTES as VIDEOS
from shared.domain.cursors import Cursors
from shared.store.connectors import Connectors
from shared.store.deletions import Deletions
from shared.store.imports import Imports
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos
from tests.pipeline.delivery_house import DeliveryHouse
from tests.pipeline.world import LOOPBACK, World

START_SECONDS = 60.0


@contextmanager
def served(command: list[str], port: int, log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    """A server process that takes connections at the port, until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=env)
    try:
        _until_open(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(int(START_SECONDS / 0.1)):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the store did not start: {log.read_text()[-500:]}")


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def moto(folder: Path, port: int = 0) -> Iterator[str]:
    """S3 as moto plays it; the URL."""
    port = port or free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with served(command, port, folder / "moto.log"):
        yield f"http://127.0.0.1:{port}"


class ConnectorHouse(DeliveryHouse):
    """A delivery house in which connectors are made by the API, and media come in through them; `places` as in the settings."""

    def __init__(self, world: World, **places: str) -> None:
        super().__init__(world)
        store, opener = world.store, world.opener
        opener._settings = replace(opener._settings, **places)
        pages, mine = Pages(store, Cursors("cursors")), Connectors(store)
        own = Indexes(store)
        media = Videos(store, pages), Runs(store, pages), Deletions(store, world.queues)
        made: dict[str, tuple[Any, Any]] = {
            "connectors": (CONNECTORS, connectors.Deps(store, world.queues, mine, opener, frozenset({"originals", "derived"}))),
            "import_jobs": (
                IMPORT_JOBS,
                import_jobs.Deps(
                    store, Imports(store, world.queues), mine, own, pages, Cursors("cursors"), LOOPBACK, opener.sealer
                ),
            ),
            "videos": (VIDEOS, videos.Deps(store, world.topics, world.objects, pages, own, *media, mine, opener)),
        }
        self._apps += [self._app(name, routes, deps) for name, (routes, deps) in made.items()]

    def imported(self, connector_id: str, index_id: str, **wanted: Any) -> dict[str, Any]:
        """An import job at its end."""
        job = self.call("POST", "/import-jobs", {"connector_id": connector_id, "index_id": index_id, **wanted})
        assert job.status == 201, job.body
        self.world.deliver()
        return self.call("GET", f"/import-jobs/{job.json['job_id']}").json
