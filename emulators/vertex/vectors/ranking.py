"""From scores to an ordered list: exact at the edge, ties by id, crowding, and two rankings fused into one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from emulators.vertex.vectors.block import Block
from emulators.vertex.vectors.datapoint import Neighbor
from emulators.vertex.vectors.manifest import Entry

RRF_RANK_CONSTANT = 60
# float32 sums of some hundred products err by about this much of |a||b|; nobody within it is left out of the exact second look
_SLACK = 4e-6


@dataclass
class Scored:
    """Approximate scores of some rows of one block (`rows` is `None` for all); `slack` bounds their error."""

    block: Block
    rows: np.ndarray | None
    scores: np.ndarray
    slack: float = 0.0


@dataclass(frozen=True)
class Hit:
    """A datapoint with its exact score."""

    entry: Entry
    block: int
    score: float


def dense_slack(vector: np.ndarray, longest: float) -> float:
    return _SLACK * float(np.linalg.norm(vector)) * longest


def ranked(
    lists: list[Scored],
    count: int,
    exactly: Callable[[Block, np.ndarray], np.ndarray],
    entries: Callable[[int, np.ndarray], list[Entry]],
) -> list[Hit]:
    """At least the `count` best (if there are as many), best first, equal scores by id.

    Everything that may still belong to the best within the float32 error is scored again by `exactly`, whose result depends on
    the row alone, so the order does not change with where a vector happens to lie.
    """
    total = sum(len(part.scores) for part in lists)
    if not total:
        return []
    every = np.concatenate([part.scores for part in lists])
    cut = np.partition(every, total - count)[total - count] if count < total else -np.inf
    hits: list[Hit] = []
    for part in lists:
        chosen = np.flatnonzero(part.scores >= cut - part.slack)
        if not len(chosen):
            continue
        rows = np.sort(chosen if part.rows is None else part.rows[chosen])
        exact = dict(zip(rows.tolist(), exactly(part.block, rows).tolist(), strict=True))
        hits += [Hit(entry, part.block.number, exact[entry.row]) for entry in entries(part.block.number, rows)]
    hits.sort(key=lambda hit: (-hit.score, hit.entry.id))
    return hits


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
