"""Starts the models process's HTTP server: vector search, embeddings and generation on one port of the loopback."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.applications import Starlette

from emulators.clock import Clock
from emulators.faults import Faults
from emulators.vertex.answers import REFUSALS
from emulators.vertex.context import context_from
from emulators.vertex.embeddings.engine import EmbeddingEngine
from emulators.vertex.embeddings.wire import routes as embedding_routes
from emulators.vertex.generate.wire import generation
from emulators.vertex.hosting import Hosted
from emulators.vertex.vectors.datapoint import IndexSpec
from emulators.vertex.vectors.engine import VectorEngine
from emulators.vertex.vectors.wire import routes as vector_routes

DEFAULT_INDEX = IndexSpec(index="videovector", endpoint="videovector", deployed_index_id="videovector")


class ModelsServer:
    """The running process's handle: its port, and what the control surface asks of it."""

    def __init__(self, hosted: Hosted, vectors: VectorEngine, embeddings: EmbeddingEngine) -> None:
        self._hosted = hosted
        self._vectors = vectors
        self._embeddings = embeddings

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._hosted.port

    def stop(self) -> None:
        """Finishes what is being answered and closes the files."""
        self._hosted.stop()

    def reset(self) -> None:
        """Forgets every vector; declared indexes and loaded models stay."""
        self._vectors.clear()

    def cool(self) -> bool:
        """Lets the sentence model go if the clock says it has been idle for five minutes; says whether it did."""
        return self._embeddings.warmth.cool()


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
) -> ModelsServer:
    """Serves on 127.0.0.1 (port 0: a free one) until `stop`; `data_dir` of `None` keeps everything in memory.

    `read_object(gs uri)` answers an object's bytes; give `read_range(uri, start, length)` and `object_size(uri)` too, so that a
    long film need not be read whole. All three raise `FileNotFoundError`.
    """
    workers = max(1, min(4, os.cpu_count() or 1))
    context = context_from(clock, data_dir, read_object, read_range=read_range, object_size=object_size, workers=workers)
    cloud = data_dir / "cloud" if data_dir is not None else None
    vectors = VectorEngine(
        indexes, database=cloud / "vertex.sqlite" if cloud else None, folder=cloud / "vertex-blocks" if cloud else None
    )
    embeddings = EmbeddingEngine(clock, notes=cloud / "verified-models.json" if cloud else None)
    generating = generation(faults, context, embeddings=embeddings)
    hosted = Hosted(port)
    app = Starlette(
        routes=[
            *vector_routes(vectors, faults, lambda: f"127.0.0.1:{hosted.port}"),
            *embedding_routes(embeddings, faults, read_object),
            *generating.routes,
        ],
        exception_handlers=REFUSALS,
    )

    def close() -> None:
        generating.close()
        vectors.close()

    hosted.run(app, chore=embeddings.warmth.cool, close=close)
    return ModelsServer(hosted, vectors, embeddings)
