"""Long listings in pieces; `itertools.batched` of Python 3.12, for 3.11 too."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Tuples of `size` items, the last one shorter."""
    iterator = iter(items)
    while piece := tuple(islice(iterator, size)):
        yield piece
