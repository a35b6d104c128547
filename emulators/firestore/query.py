"""A query as the engine understands it, made from the protocol's `StructuredQuery`, and what it says about one document."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .catalogue import Scope
from .conditions import Condition, Conjunction, alternatives
from .entries import name_key
from .fields import NAME, FieldPath, find, parse_path
from .messages import StructuredQuery
from .names import DocumentName, check_segment, parse_document
from .refusal import Refused, invalid
from .values import encode, turned


@dataclass(frozen=True)
class Order:
    path: FieldPath
    descending: bool


@dataclass(frozen=True)
class Bound:
    """A cursor: encoded values, each in the direction of its order, and whether documents at it are left out."""

    parts: tuple[bytes, ...]
    excluded: bool

    @cached_property
    def key(self) -> bytes:
        return b"".join(self.parts)


@dataclass(frozen=True)
class Query:
    """`parent` is the relative path of the document it hangs below, `""` at the root. A group without a `collection_id`
    is everything below the parent.

    `orders` always ends with the document's name.
    """

    database: str
    parent: str
    collection_id: str
    scope: Scope
    alternatives: tuple[Conjunction, ...]
    orders: tuple[Order, ...]
    start: Bound | None
    end: Bound | None
    offset: int
    limit: int | None
    projection: tuple[FieldPath, ...] | None

    @cached_property
    def collection(self) -> str:
        return f"{self.parent}/{self.collection_id}" if self.parent else self.collection_id

    def covers(self, name: DocumentName) -> bool:
        """Whether a document lies where the query looks."""
        if name.database != self.database:
            return False
        if self.scope == "COLLECTION":
            return name.collection == self.collection
        below = not self.parent or name.collection.startswith(self.parent + "/")
        if not self.collection_id:
            return below
        return below and name.collection.rpartition("/")[2] == self.collection_id

    def sort_key(self, document: Any) -> bytes | None:
        """Where the document stands in the query's order; None if it lacks a field the query orders by."""
        parts = []
        for order in self.orders:
            if order.path == NAME:
                encoded = name_key(parse_document(document.name), self.scope)
            else:
                value = find(document, order.path)
                if value is None:
                    return None
                encoded = encode(value)
            parts.append(turned(encoded) if order.descending else encoded)
        return b"".join(parts)

    def within(self, key: bytes) -> bool:
        """Whether a sort key lies between the cursors."""
        if self.start is not None:
            head = key[: len(self.start.key)]
            if head < self.start.key or (self.start.excluded and head == self.start.key):
                return False
        return self.end is None or not self.past(key)

    def past(self, key: bytes) -> bool:
        """Whether a sort key lies after the end cursor."""
        if self.end is None:
            return False
        head = key[: len(self.end.key)]
        return head > self.end.key or (self.end.excluded and head == self.end.key)

    def matches(self, document: Any) -> bool:
        return any(all(c.holds(document) for c in conjunction) for conjunction in self.alternatives)


def parse_query(database: str, parent: str, wire: Any) -> Query:
    """Checks a structured query as production does and works out what it leaves implicit."""
    if len(wire.from_) != 1:
        raise invalid("a query names exactly one collection")
    if wire.HasField("find_nearest"):
        raise Refused("UNIMPLEMENTED", "find_nearest is not served here")
    selector = wire.from_[0]
    if selector.collection_id or not selector.all_descendants:
        check_segment(selector.collection_id, "a collection id")
    if wire.offset < 0 or (wire.HasField("limit") and wire.limit.value < 0):
        raise invalid("offset and limit must not be negative")
    conjunctions = tuple(alternatives(wire.where))
    orders = _orders(wire.order_by, conjunctions)
    scope: Scope = "COLLECTION_GROUP" if selector.all_descendants else "COLLECTION"
    start = end = None
    if wire.HasField("start_at"):
        start = _bound(wire.start_at, orders, scope, not wire.start_at.before)
    if wire.HasField("end_at"):
        end = _bound(wire.end_at, orders, scope, wire.end_at.before)
    projection = None
    if wire.HasField("select"):
        projection = tuple(parse_path(field.field_path) for field in wire.select.fields)
    return Query(
        database,
        parent,
        selector.collection_id,
        scope,
        conjunctions,
        orders,
        start,
        end,
        wire.offset,
        wire.limit.value if wire.HasField("limit") else None,
        projection,
    )


def _orders(wire: Any, conjunctions: tuple[Conjunction, ...]) -> tuple[Order, ...]:
    """The explicit orders, then the fields of inequalities, then the name, each in the direction of the last before it."""
    descending = StructuredQuery.DESCENDING
    orders = [Order(parse_path(o.field.field_path), o.direction == descending) for o in wire]
    paths = [order.path for order in orders]
    if len(set(paths)) != len(paths):
        raise invalid("a query orders by each field at most once")
    direction = orders[-1].descending if orders else False
    implied = {c.path for conjunction in conjunctions for c in conjunction if c.is_inequality}
    for path in sorted(implied - set(paths) - {NAME}):
        orders.append(Order(path, direction))
    if NAME not in paths:
        orders.append(Order(NAME, direction))
    position = next(i for i, order in enumerate(orders) if order.path == NAME)
    return tuple(orders[: position + 1])  # names are unique: nothing after them decides anything


def _bound(cursor: Any, orders: tuple[Order, ...], scope: Scope, excluded: bool) -> Bound:
    if len(cursor.values) > len(orders):
        raise invalid("a cursor has more values than the query has orders")
    parts = []
    for value, order in zip(cursor.values, orders, strict=False):
        if order.path == NAME:
            if value.WhichOneof("value_type") != "reference_value":
                raise invalid("a cursor's value for __name__ is a reference")
            encoded = name_key(parse_document(value.reference_value, bound=True), scope)
        else:
            encoded = encode(value)
        parts.append(turned(encoded) if order.descending else encoded)
    return Bound(tuple(parts), excluded)


def equalities(conjunction: Conjunction) -> dict[FieldPath, Condition]:
    """The fields an alternative fixes to one value. A second, different value makes it match nothing, which filtering sees."""
    return {c.path: c for c in conjunction if c.op == "==" and c.path != NAME}


def memberships(conjunction: Conjunction) -> dict[FieldPath, Condition]:
    return {c.path: c for c in conjunction if c.op == "contains"}
