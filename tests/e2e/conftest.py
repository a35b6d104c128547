"""One running product for all end-to-end tests; those that break things start their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.film import SCENES, Shot, make_film
from tests.e2e.secret_canaries import found_in
from tests.e2e.stack import Stack, start


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Whatever the tests did, at the end no secret lies in its folder: its own key, and those a test has named."""
    running = start(tmp_path_factory.mktemp("site") / "data")
    running.canaries["the site's own key"] = running.said["api_key"]
    yield running
    running.stop()
    assert found_in(running.data_dir, running.canaries) == []


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts stacks for this test alone: `own_stack("name")`; the same name again means the same data."""
    started: list[Stack] = []

    def begin(name: str = "data", port: int | None = None) -> Stack:
        started.append(start(tmp_path / name, port))
        return started[-1]

    yield begin
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Shot]]:
    """Three shots with words to read and words to hear."""
    path = tmp_path_factory.mktemp("film") / "three-shots.mp4"
    return path, make_film(path, (640, 360), SCENES[:3])
