from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.tables.sandbox import Sandbox
from tests.chat.world import ChatWorld
from tests.pipeline.conftest import _gemini, gemini, vector_url, world
from tests.pipeline.gemini import Gemini
from tests.pipeline.world import World

__all__ = ["_gemini", "gemini", "vector_url", "world"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture
def chat(world: World, gemini: Gemini, sandbox: Sandbox, tmp_path: Path) -> ChatWorld:
    return ChatWorld(world, gemini, sandbox, tmp_path / "tables")
