"""From scores to an ordered list: exact at the edge, ties by id, crowding, and two rankings fused into one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from emulators.vertex.vectors.block import Block
from emulators.vertex.vectors.datapoint import Neighbor
from emulators.vertex.vectors.manifest import Entry

RRF_RANK_CONSTANT = 60
Exactly = Callable[[Block, np.ndarray], np.ndarray]
Closer = Callable[[Block, np.ndarray], tuple[np.ndarray, np.ndarray]]  # scores, and how far each may be off
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
    closer: Closer,
    exactly: Exactly,
    entries: Callable[[int, np.ndarray], list[Entry]],
) -> list[Hit]:
    """At least the `count` best (if there are as many), best first, equal scores by id.

    The roughly best are scored by `exactly` first: as many reach the least of them, so all whose rough score is farther below it
    than the error are out. Of the others `closer` says nearly what they score and how far that may be off, and who may still
    reach it is scored by `exactly` too. What that says of a row depends on the row alone, so the order does not change with where
    a vector happens to lie. Only where hundreds are equal at the edge, as the values of a common word are, those written first
    stand for all.
    """
    if not sum(len(part.scores) for part in lists):
        return []
    looks = [look for look in _contenders(lists, count, closer, exactly) if len(look[1])]
    cut = _nth_best([scores for _, _, scores in looks], count)
    above = sum(int(np.count_nonzero(scores > cut)) for _, _, scores in looks)
    level = sum(int(np.count_nonzero(scores == cut)) for _, _, scores in looks)
    equals = level if level <= _MOST_EQUALS else count - above
    hits: list[Hit] = []
    for block, rows, scores in looks:
        edge = np.flatnonzero(scores == cut)[:equals]
        equals -= len(edge)
        kept = np.concatenate([np.flatnonzero(scores > cut), edge])
        exact = dict(zip(rows[kept].tolist(), scores[kept].tolist(), strict=True))
        hits += [Hit(entry, block.number, exact[entry.row]) for entry in entries(block.number, rows[kept])]
    hits.sort(key=lambda hit: (-hit.score, hit.entry.id))
    return hits


def _contenders(lists: list[Scored], count: int, closer: Closer, exactly: Exactly) -> list[tuple[Block, np.ndarray, np.ndarray]]:
    """The rows that may be among the `count` best and what exactly they score, block by block."""
    best = _nth_best([part.scores for part in lists], count)
    tried = [np.flatnonzero(part.scores >= best) for part in lists]
    tried_rows = [_rows_of(part, places) for part, places in zip(lists, tried, strict=True)]
    tried_scores = [exactly(part.block, rows) for part, rows in zip(lists, tried_rows, strict=True)]
    cut = _nth_best(tried_scores, count)
    if cut == -np.inf:  # there are no others
        return [(part.block, rows, scores) for part, rows, scores in zip(lists, tried_rows, tried_scores, strict=True)]
    looks = []
    for part, places, known, scores in zip(lists, tried, tried_rows, tried_scores, strict=True):
        if not part.error:
            looks.append((part.block, known, scores))
            continue
        rows = _rows_of(part, np.setdiff1d(np.flatnonzero(part.scores >= cut - part.error), places, assume_unique=True))
        near, errors = closer(part.block, rows)
        rows = rows[near + errors >= cut]
        every, found = np.concatenate([known, rows]), np.concatenate([scores, exactly(part.block, rows)])
        order = np.argsort(every)  # those written first come first
        looks.append((part.block, every[order], found[order]))
    return looks


def _rows_of(part: Scored, places: np.ndarray) -> np.ndarray:
    return places if part.rows is None else part.rows[places]


def _nth_best(parts: list[np.ndarray], count: int) -> float:
    """The score that `count` of them reach; minus infinity if they are not as many."""
    every = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return float(np.partition(every, len(every) - count)[len(every) - count]) if count <= len(every) else -np.inf


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
