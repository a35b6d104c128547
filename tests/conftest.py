"""Which tests share a worker when several run them."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOGETHER = {"e2e", "browser"}  # a whole folder, since it shares a running product; two on two cores would only measure each other
ALONE = {"simulation"}  # each test by itself: they share nothing and take long


def pytest_itemcollected(item: pytest.Item) -> None:
    """A file's tests share a worker, and with it what the file makes once; but where they are marked otherwise."""
    folder = item.path.relative_to(HERE).parts[0]
    if folder not in ALONE and item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(folder if folder in TOGETHER else str(item.path.relative_to(HERE))))
