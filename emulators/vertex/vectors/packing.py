"""Between datapoints and what is stored of them: checks, columns, sparse postings and the JSON kept for full reads."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from emulators.vertex.vectors.datapoint import BadDatapoint, Datapoint, IndexSpec, NumericRestrict, Query, Restrict, Sparse
from emulators.vertex.vectors.manifest import Entry, Manifest
from emulators.vertex.vectors.restricts import NUMBER, number_record


def check(point: Datapoint, spec: IndexSpec) -> None:
    """Refuses what cannot be stored."""
    if not point.id:
        raise BadDatapoint("datapoint_id must not be empty")
    if point.vector is None:
        raise BadDatapoint(f"datapoint {point.id}: feature_vector is required")
    _check_vectors(point, spec)
    namespaces = [restrict.namespace for restrict in point.restricts]
    numbers = [numeric.namespace for numeric in point.numerics]
    for names in (namespaces, numbers):
        if len(set(names)) != len(names):
            raise BadDatapoint(f"datapoint {point.id}: a namespace may be given once")
    if any(numeric.op for numeric in point.numerics):
        raise BadDatapoint(f"datapoint {point.id}: an operator belongs to queries only")


def check_query(query: Query, spec: IndexSpec) -> None:
    """Refuses what cannot be asked."""
    if query.datapoint.vector is None and query.datapoint.sparse is None:
        raise BadDatapoint("a query needs a feature_vector or a sparse_embedding")
    if query.count < 1:
        raise BadDatapoint("neighbor_count must be positive")
    if query.per_crowding < 0:
        raise BadDatapoint("per_crowding_attribute_neighbor_count must not be negative")
    if not 0 <= query.alpha <= 1:
        raise BadDatapoint("rrf.alpha must lie between 0 and 1")
    _check_vectors(query.datapoint, spec)


def key_text(parts: Sequence[str | None]) -> str:
    return json.dumps(parts)


def key_parts(text: str) -> tuple[str | None, ...]:
    return tuple(json.loads(text))


def columns(manifest: Manifest, points: Sequence[Datapoint]) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Token codes and numbers by namespace, one row per datapoint; namespaces and codes are made as needed."""
    codes: dict[int, np.ndarray] = {}
    numbers: dict[int, np.ndarray] = {}
    for row, point in enumerate(points):
        for restrict in point.restricts:
            ns = manifest.namespace(restrict.namespace, create=True)
            assert ns is not None
            if ns not in codes:
                codes[ns] = np.zeros(len(points), dtype=np.int32)
            codes[ns][row] = manifest.code(ns, restrict.allow, restrict.deny)
        for numeric in point.numerics:
            ns = manifest.namespace(numeric.namespace, create=True)
            assert ns is not None
            if ns not in numbers:
                numbers[ns] = np.zeros(len(points), dtype=NUMBER)
            numbers[ns][row] = number_record(numeric)
    return codes, numbers


def postings(points: Sequence[Datapoint], rows: Iterable[int]) -> Iterator[tuple[int, int, float]]:
    """`(dimension, row, value)` of every sparse value."""
    for point, row in zip(points, rows, strict=True):
        if point.sparse is not None:
            for dimension, value in zip(point.sparse.dimensions, point.sparse.values, strict=True):
                yield dimension, row, value


def extra_text(point: Datapoint) -> str:
    """Everything but id, vector and crowding tag."""
    return json.dumps(
        {
            "r": [[r.namespace, r.allow, r.deny] for r in point.restricts],
            "n": [[n.namespace, n.kind, n.value] for n in point.numerics],
            "s": [point.sparse.dimensions, point.sparse.values] if point.sparse else None,
            "m": point.metadata,
        },
        separators=(",", ":"),
    )


def datapoint(entry: Entry, vector: np.ndarray) -> Datapoint:
    """The inverse of what was stored."""
    kept = json.loads(entry.extra)
    return Datapoint(
        id=entry.id,
        vector=vector,
        sparse=Sparse(tuple(kept["s"][0]), tuple(kept["s"][1])) if kept["s"] else None,
        restricts=[Restrict(name, tuple(allow), tuple(deny)) for name, allow, deny in kept["r"]],
        numerics=[NumericRestrict(name, kind, value) for name, kind, value in kept["n"]],
        crowding=entry.crowding,
        metadata=kept["m"],
    )


def _check_vectors(point: Datapoint, spec: IndexSpec) -> None:
    if point.vector is not None:
        if point.vector.shape != (spec.dimensions,):
            raise BadDatapoint(f"Feature vector has {point.vector.size} dimensions, the index has {spec.dimensions}")
        if not np.isfinite(point.vector).all():
            raise BadDatapoint("Feature vector holds a value that is not a finite number")
    if any(numeric.kind == "int" and not -(2**63) <= numeric.value < 2**63 for numeric in point.numerics):
        raise BadDatapoint("value_int does not fit 64 bits")
    if point.sparse is not None:
        _check_sparse(point.sparse)


def _check_sparse(sparse: Sparse) -> None:
    dimensions = sparse.dimensions
    if len(dimensions) != len(sparse.values) or len(set(dimensions)) != len(dimensions):
        raise BadDatapoint("sparse_embedding needs one value for each dimension, and each dimension once")
    if not all(0 <= dimension < 2**63 for dimension in dimensions):
        raise BadDatapoint("sparse_embedding: a dimension is a whole number of 63 bits, not negative")
    if not np.isfinite(sparse.values).all():
        raise BadDatapoint("sparse_embedding holds a value that is not a finite number")
