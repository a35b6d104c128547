"""From scores to an ordered list: exact at the edge, ties by id, crowding, and two rankings fused into one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from emulators.vertex.vectors.block import Block
from emulators.vertex.vectors.datapoint import Neighbor
from emulators.vertex.vectors.manifest import Entry

RRF_RANK_CONSTANT = 60
_MOST_EQUALS = 300


@dataclass
class Scored:
    """Rough scores of some rows of one block (`rows` is `None` for all), each off by at most `error`."""

    block: Block
    rows: np.ndarray | None
    scores: np.ndarray
    error: float = 0.0


@dataclass(frozen=True)
class Hit:
    """A datapoint with its exact score."""

    entry: Entry
    block: int
    score: float


def ranked(
    lists: list[Scored],
    count: int,
    exactly: Callable[[Block, np.ndarray], np.ndarray],
    entries: Callable[[int, np.ndarray], list[Entry]],
) -> list[Hit]:
    """At least the `count` best (if there are as many), best first, equal scores by id.

    Everything that may still belong to the best within the error is scored again by `exactly`, whose result depends on the row
    alone, so the order does not change with where a vector happens to lie. Only where thousands are equal at the edge, as the
    values of a common word are, those written first stand for all.
    """
    total = sum(len(part.scores) for part in lists)
    if not total:
        return []
    cut = _nth_best([part.scores - part.error if part.error else part.scores for part in lists], count)
    looks: list[tuple[Block, np.ndarray, np.ndarray]] = []
    for part in lists:
        chosen = np.flatnonzero(part.scores >= cut - part.error)
        if len(chosen):
            rows = chosen if part.rows is None else part.rows[chosen]
            looks.append((part.block, rows, exactly(part.block, rows)))
    cut = _nth_best([scores for _, _, scores in looks], count)
    hits: list[Hit] = []
    equals = _MOST_EQUALS
    for block, rows, scores in looks:
        above, level = np.flatnonzero(scores > cut), np.flatnonzero(scores == cut)[:equals]
        equals -= len(level)
        kept = np.concatenate([above, level])
        exact = dict(zip(rows[kept].tolist(), scores[kept].tolist(), strict=True))
        hits += [Hit(entry, block.number, exact[entry.row]) for entry in entries(block.number, rows[kept])]
    hits.sort(key=lambda hit: (-hit.score, hit.entry.id))
    return hits


def _nth_best(parts: list[np.ndarray], count: int) -> float:
    """The score that `count` of them reach; minus infinity if they are not as many."""
    every = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return float(np.partition(every, len(every) - count)[len(every) - count]) if count < len(every) else -np.inf


def uncrowded(hits: Iterable[Hit], limit: int) -> list[Hit]:
    """Keeps the first `limit` per crowding tag, in order; datapoints without a tag do not crowd."""
    seen: dict[str, int] = {}
    kept = []
    for hit in hits:
        tag = hit.entry.crowding
        if tag:
            seen[tag] = seen.get(tag, 0) + 1
            if seen[tag] > limit:
                continue
        kept.append(hit)
    return kept


def fused(dense: list[Hit], sparse: list[Hit], alpha: float) -> list[tuple[Hit, Neighbor]]:
    """Reciprocal rank fusion: alpha / (60 + dense rank) + (1 - alpha) / (60 + sparse rank); ranks from 1, absent adds nothing."""
    totals: dict[str, float] = {}
    found: dict[str, tuple[Hit, Neighbor]] = {}
    for hits, weight, is_dense in ((dense, alpha, True), (sparse, 1.0 - alpha, False)):
        if weight <= 0:
            continue
        for rank, hit in enumerate(hits, start=1):
            point = hit.entry.id
            totals[point] = totals.get(point, 0.0) + weight / (RRF_RANK_CONSTANT + rank)
            _, neighbor = found.setdefault(point, (hit, Neighbor(point, hit.entry.crowding)))
            if is_dense:
                neighbor.distance = hit.score
            else:
                neighbor.sparse_distance = hit.score
    return [found[point] for point in sorted(totals, key=lambda point: (-totals[point], point))]
