from pathlib import Path

import pytest

from tests.api.world import World, build


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One for a whole module: these tests ask much and leave nothing that another would trip over."""
    folder: Path = tmp_path_factory.mktemp("world")
    return build(folder)
