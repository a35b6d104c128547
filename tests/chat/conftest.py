from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.tables.sandbox import Sandbox
from tests.chat.world import ChatWorld
from tests.pipeline.conftest import _gemini, gemini, vector_url, world
from tests.pipeline.gemini import Gemini
from tests.pipeline.mortality import Mortality
from tests.pipeline.world import World, build

__all__ = ["_gemini", "gemini", "vector_url", "world"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture
def chat(world: World, gemini: Gemini, sandbox: Sandbox, tmp_path: Path) -> ChatWorld:
    return ChatWorld(world, gemini, sandbox, tmp_path / "tables")


@pytest.fixture
def mortal(tmp_path: Path, gemini: Gemini, vector_url: str, sandbox: Sandbox) -> Iterator[tuple[ChatWorld, Mortality]]:
    """A world whose worker on turns may be told when to die."""
    mortality = Mortality()
    world = build(tmp_path, gemini.url, vector_url, mortality)
    chat = ChatWorld(world, gemini, sandbox, tmp_path / "tables")
    mortality.employ({"run-turn": world.stages["run-turn"]})
    yield chat, mortality
    world.close()
