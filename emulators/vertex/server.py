"""Starts the models process's HTTP server: vector search, embeddings and generation on one port of the loopback."""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from emulators.clock import Clock
from emulators.faults import Faults
from emulators.vertex.answers import refusal
from emulators.vertex.context import context_from
from emulators.vertex.embeddings.engine import EmbeddingEngine
from emulators.vertex.embeddings.wire import routes as embedding_routes
from emulators.vertex.generate.wire import routes as generate_routes
from emulators.vertex.vectors.datapoint import IndexSpec
from emulators.vertex.vectors.engine import VectorEngine
from emulators.vertex.vectors.wire import routes as vector_routes

DEFAULT_INDEX = IndexSpec(index="videovector", endpoint="videovector", deployed_index_id="videovector")
_COOLING_SECONDS = 30.0
_START_SECONDS = 20.0


class VertexServer:
    """A running server; `port` is its port on 127.0.0.1. `stop` ends it and closes what it kept open."""

    def __init__(self, app: Starlette, vectors: VectorEngine, embeddings: EmbeddingEngine, port: int) -> None:
        self.vectors = vectors
        self.embeddings = embeddings
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="vertex", daemon=True),
            threading.Thread(target=self._cool, name="vertex-cooling", daemon=True),
        ]

    def start(self) -> "VertexServer":
        for thread in self._threads:
            thread.start()
        with socket.create_connection(("127.0.0.1", self.port), timeout=_START_SECONDS):
            return self  # the socket listens since it was made; a client that connects now is answered once the loop runs

    def stop(self) -> None:
        self._stopped.set()
        self._server.should_exit = True
        for thread in self._threads:
            thread.join(timeout=_START_SECONDS)
        self._socket.close()
        self.vectors.close()

    def _cool(self) -> None:
        """Looks twice a minute whether a model has been idle long enough to let go."""
        while not self._stopped.wait(_COOLING_SECONDS):
            self.embeddings.warmth.cool()


def serve(
    data_dir: Path | None,
    faults: Faults,
    clock: Clock,
    read_object: Callable[[str], bytes],
    port: int = 0,
    *,
    indexes: Sequence[IndexSpec] = (DEFAULT_INDEX,),
    read_range: Callable[[str, int, int], bytes] | None = None,
    object_size: Callable[[str], int] | None = None,
) -> VertexServer:
    """Serves on 127.0.0.1 (port 0: a free one) until `stop`; `data_dir` of `None` keeps everything in memory.

    `read_object(gs uri)` answers an object's bytes; give `read_range(uri, start, length)` and `object_size(uri)` too, so that a long film
    need not be read whole. All three raise `FileNotFoundError`.
    """
    workers = max(1, min(4, os.cpu_count() or 1))
    context = context_from(clock, data_dir, read_object, read_range=read_range, object_size=object_size, workers=workers)
    cloud = data_dir / "cloud" if data_dir is not None else None
    vectors = VectorEngine(
        indexes, database=cloud / "vertex.sqlite" if cloud else None, folder=cloud / "vertex-blocks" if cloud else None
    )
    embeddings = EmbeddingEngine(clock, notes=cloud / "verified-models.json" if cloud else None)
    server: list[VertexServer] = []
    app = Starlette(
        routes=[
            *vector_routes(vectors, faults, lambda: f"127.0.0.1:{server[0].port}"),
            *embedding_routes(embeddings, faults, read_object),
            *generate_routes(faults, context),
        ],
        exception_handlers={404: _unserved, 405: _unserved, 500: _broken},
    )
    server.append(VertexServer(app, vectors, embeddings, port))
    return server[0].start()


async def _unserved(request: Request, _error: Exception) -> Response:
    return refusal(501, f"{request.method} {request.url.path} is not served here")


async def _broken(_request: Request, error: Exception) -> Response:
    return refusal(500, f"{type(error).__name__}: {error}")
