"""What is stored and what is asked: datapoints, restricts, queries and neighbours, free of any wire."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

NumberKind = Literal["int", "float", "double"]
DOT_PRODUCT = "DOT_PRODUCT_DISTANCE"


class UnknownIndex(Exception):
    """No index, or no deployed index, of that name."""


class BadDatapoint(Exception):
    """A datapoint or query that production refuses as INVALID_ARGUMENT."""


@dataclass(frozen=True)
class IndexSpec:
    """An index declared at start. `index` and `endpoint` are full resource names, or bare ids that fit any project and location.

    `partition_by` names the restrict namespaces whose value decides the block a datapoint lives in, so that a query restricted
    on them reads one contiguous slice.
    """

    index: str
    endpoint: str
    deployed_index_id: str
    dimensions: int = 768
    distance: str = DOT_PRODUCT
    partition_by: tuple[str, ...] = ("index", "kind")

    def __post_init__(self) -> None:
        if self.distance != DOT_PRODUCT:
            raise ValueError(f"only {DOT_PRODUCT} is served, not {self.distance}")


@dataclass(frozen=True)
class Restrict:
    """Tokens of one namespace. On a query, `allow` is any-of and `deny` is none-of."""

    namespace: str
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True)
class NumericRestrict:
    """A number in a namespace; `op` is set on queries only."""

    namespace: str
    kind: NumberKind
    value: int | float
    op: str | None = None


@dataclass(frozen=True)
class Sparse:
    """A sparse vector: parallel lists, each dimension once."""

    dimensions: tuple[int, ...]
    values: tuple[float, ...]


@dataclass
class Datapoint:
    """One vector and what describes it; a query may come without `vector` if it brings `sparse`."""

    id: str
    vector: np.ndarray | None = None
    sparse: Sparse | None = None
    restricts: Sequence[Restrict] = ()
    numerics: Sequence[NumericRestrict] = ()
    crowding: str = ""
    metadata: dict[str, Any] | None = None


@dataclass
class Query:
    """`alpha` weighs dense against sparse: 1 is dense alone, 0 sparse alone. `per_crowding` 0 means no limit."""

    datapoint: Datapoint
    count: int = 10
    per_crowding: int = 0
    alpha: float = 0.5


@dataclass
class Neighbor:
    """`distance` is the dot product itself, so bigger is nearer; `None` where that ranking did not return the datapoint."""

    id: str
    crowding: str = ""
    distance: float | None = None
    sparse_distance: float | None = None
    full: Datapoint | None = field(default=None, repr=False)
