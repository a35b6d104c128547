import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.faults import Faults
from emulators.vertex.server import serve as serve_vertex
from tests.pipeline.gemini import Gemini
from tests.pipeline.world import World, build


@pytest.fixture(scope="session")
def vector_url() -> Iterator[str]:
    def no_objects(uri: str) -> bytes:
        raise FileNotFoundError(uri)

    server = serve_vertex(None, Faults(), time.time, no_objects)
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture(scope="session")
def _gemini() -> Iterator[Gemini]:
    service = Gemini()
    yield service
    service.stop()


@pytest.fixture
def gemini(_gemini: Gemini) -> Gemini:
    _gemini.reset()
    return _gemini


@pytest.fixture
def world(tmp_path: Path, gemini: Gemini, vector_url: str) -> Iterator[World]:
    made = build(tmp_path, gemini.url, vector_url)
    yield made
    made.close()
