from pathlib import Path

import pytest

from tests.api.world import World, build


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path)
