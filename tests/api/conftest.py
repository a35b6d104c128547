import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.world import World, build


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with the services that most tests do without: objects, models and vectors, SQL."""
    from tests.api import things

    folder = tmp_path_factory.mktemp("platform")
    models, objects = things.serve_models(time.time), things.serve_objects(folder, time.time)
    world = build(folder, objects.url)
    close = things.with_search(world, f"http://127.0.0.1:{models.port}")
    yield world
    close()
    models.stop()
    objects.stop()
