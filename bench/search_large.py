"""`bench.search` with ten texts a segment: a million vectors."""

from bench import search
from bench.figure import Figure


def run() -> list[Figure]:
    return search.run(search.LARGE)
