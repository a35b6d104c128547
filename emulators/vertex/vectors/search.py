"""One query over the blocks of an index: which blocks, which rows, which order."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from emulators.vertex.vectors.block import Block, Touch
from emulators.vertex.vectors.datapoint import Neighbor, Query, Sparse
from emulators.vertex.vectors.manifest import Entry, Manifest
from emulators.vertex.vectors.ranking import Exactly, Hit, Scored, fused, ranked, uncrowded
from emulators.vertex.vectors.restricts import Rule, TokenRule, fits, rules_for

Parts = tuple[str | None, ...]
Selection = list[tuple[Block, np.ndarray | None]]
_CROWD_FACTOR = 4
_GATHER_ROWS = 1_024


class Search:
    """Answers queries against one state of an index; lives below the engine's lock."""

    def __init__(
        self, manifest: Manifest, blocks: Callable[[], Iterable[tuple[Parts, Block]]], partition_by: tuple[str, ...], touch: Touch
    ) -> None:
        self._manifest = manifest
        self._blocks = blocks
        self._partition_by = partition_by
        self._touch = touch
        self._selections: dict[str, Selection] = {}

    def neighbors(self, query: Query) -> list[Neighbor]:
        """Nearest first. Dense alone, sparse alone, or both fused, by what the query brings and its alpha."""
        point = query.datapoint
        narrowed = repr((point.restricts, point.numerics))  # the queries of one call often share their restricts
        selection = self._selections.get(narrowed)
        if selection is None:
            selection = self._selections[narrowed] = self._selection(query)
        vector, sparse = query.datapoint.vector, query.datapoint.sparse
        sparse_lists = self._sparse(selection, sparse) if sparse is not None and (vector is None or query.alpha < 1) else []
        if vector is None or (sparse is not None and query.alpha == 0):
            return self._deepened(query, [], sparse_lists)
        likely = [(block, block.likely(vector, rows, query.count, self._touch)) for block, rows in selection]
        found = self._deepened(query, self._dense(likely, vector), sparse_lists)
        if len(found) == query.count or all(ours is rows for (_, ours), (_, rows) in zip(likely, selection, strict=True)):
            return found
        return self._deepened(query, self._dense(selection, vector), sparse_lists)  # crowding left too few of the likely ones

    def _deepened(self, query: Query, dense_lists: list[Scored], sparse_lists: list[Scored]) -> list[Neighbor]:
        reach = max((sum(len(part.scores) for part in lists) for lists in (dense_lists, sparse_lists)), default=0)
        depth = query.count
        while True:
            found = self._ordered(query, dense_lists, sparse_lists, depth)
            if len(found) >= query.count or depth >= reach:
                return found[: query.count]
            depth *= _CROWD_FACTOR  # crowding threw some out: look further down the list

    def _ordered(self, query: Query, dense_lists: list[Scored], sparse_lists: list[Scored], depth: int) -> list[Neighbor]:
        vector, sparse = query.datapoint.vector, query.datapoint.sparse
        dense = self._ranked(dense_lists, depth, vector, lambda block, rows: self._exactly(block, rows, vector))
        lexical = self._ranked(sparse_lists, depth, None, _as_scored(sparse_lists))
        alpha = query.alpha if vector is not None and sparse is not None else float(sparse is None)
        pairs = fused(dense[:depth], lexical[:depth], alpha)
        if not query.per_crowding:
            return [neighbor for _, neighbor in pairs]
        allowed = {hit.entry.id for hit in uncrowded((hit for hit, _ in pairs), query.per_crowding)}
        return [neighbor for hit, neighbor in pairs if hit.entry.id in allowed]

    def _exactly(self, block: Block, rows: np.ndarray, vector: np.ndarray | None) -> np.ndarray:
        """Row by row in float64, so that a row's score does not depend on its neighbours."""
        assert vector is not None
        out = np.empty(len(rows))
        for start in range(0, len(rows), _GATHER_ROWS):
            chosen = rows[start : start + _GATHER_ROWS]
            out[start : start + len(chosen)] = np.multiply(block.vectors_at(chosen), vector, dtype=np.float64).sum(axis=1)
        return out

    def _ranked(
        self,
        lists: list[Scored],
        depth: int,
        vector: np.ndarray | None,
        exactly: Exactly,
    ) -> list[Hit]:
        def closer(block: Block, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            assert vector is not None
            return block.closer_scores(vector, rows)

        def entries(block: int, rows: np.ndarray) -> list[Entry]:
            return self._manifest.entries(block, rows)

        return ranked(lists, depth, closer, exactly, entries)

    def _selection(self, query: Query) -> Selection:
        """The rows the query may see, block by block; a rule that the block's key already proves is not asked again."""
        restricts = query.datapoint.restricts
        rules = rules_for(self._manifest, restricts, query.datapoint.numerics)
        if rules is None:
            return []
        chosen: Selection = []
        for parts, block in self._blocks():
            proven: set[str] = set()
            verdicts = [
                (namespace, fits(part, restrict))
                for namespace, part in zip(self._partition_by, parts, strict=True)
                for restrict in restricts
                if restrict.namespace == namespace
            ]
            if any(verdict is False for _, verdict in verdicts):
                continue
            proven = {namespace for namespace, verdict in verdicts if verdict}
            rows = block.select([rule for rule in rules if not _is_proven(rule, proven)])
            if rows is None or len(rows):
                chosen.append((block, rows))
        return chosen

    def _dense(self, selection: Selection, vector: np.ndarray) -> list[Scored]:
        return [
            Scored(block, rows, block.rough_scores(vector, rows, self._touch), block.error(vector)) for block, rows in selection
        ]

    def _sparse(self, selection: Selection, sparse: Sparse) -> list[Scored]:
        """Dot products over the dimensions both sides have; datapoints that share none are not in the list."""
        lists = []
        for block, rows in selection:
            parts = [self._manifest.postings(block.number, dimension) for dimension in sparse.dimensions]
            held, totals = _summed(parts, sparse.values, block.rows)
            if rows is not None:
                passing = np.isin(held, rows, assume_unique=True)
                held, totals = held[passing], totals[passing]
            if len(held):
                lists.append(Scored(block, held, totals))
        return lists


def _summed(parts: list[np.ndarray], weights: Sequence[float], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows in any of the postings, ascending, and the weighted sum of what each holds."""
    if len(parts) == 1:
        return parts[0]["row"], parts[0]["value"] * weights[0]
    found = np.concatenate([part["row"] for part in parts])
    values = np.concatenate([part["value"] * weight for part, weight in zip(parts, weights, strict=True)])
    if len(found) * 16 > rows:  # counting through every row beats sorting
        held = np.flatnonzero(np.bincount(found, minlength=rows))
        return held, np.bincount(found, weights=values, minlength=rows)[held]
    held, places = np.unique(found, return_inverse=True)
    return held, np.bincount(places, weights=values, minlength=len(held))


def _as_scored(lists: list[Scored]) -> Callable[[Block, np.ndarray], np.ndarray]:
    """Sparse scores are exact the first time."""
    by_block = {part.block.number: part for part in lists}

    def again(block: Block, rows: np.ndarray) -> np.ndarray:
        part = by_block[block.number]
        return part.scores if part.rows is None else part.scores[np.searchsorted(part.rows, rows)]

    return again


def _is_proven(rule: Rule, proven: set[str]) -> bool:
    return isinstance(rule, TokenRule) and rule.namespace in proven
