"""How a query finds its documents without looking at the others: which indexes drive it, and which part of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .catalogue import Catalogue, Definition, Part, single
from .conditions import Conjunction
from .fields import NAME, FieldPath
from .names import key_path, parse_document
from .query import Bound, Order, Query, equalities, memberships
from .required import as_fixed, fits, fixed_parts, free_orders
from .store import Span, Store
from .values import INDEXED_BYTES, NULL, after_all_with, turned

_COUNTED = 1000


@dataclass(frozen=True)
class Source:
    """Stored documents among which are all that match; `ordered` if they come in the query's order."""

    documents: Iterable[bytes]
    ordered: bool


@dataclass(frozen=True)
class _Candidate:
    """An index that can drive the query from `prefix` on; `backwards` if it runs against the query's order."""

    number: int
    prefix: bytes
    covers: frozenset[Part]
    backwards: bool
    span: Span


class Planner:
    """Chooses sources for the alternatives of a query."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    def source(self, query: Query, conjunction: Conjunction) -> Source:
        """Where to look for the documents of one alternative."""
        named = [c for c in conjunction if c.path == NAME and c.op == "=="]
        if named:
            return Source(self._named(query, named[0].operands[0]), True)
        if not query.collection_id:
            return Source(self._descendants(query), False)
        scope = self._scope(query)
        if scope is None:
            return Source((), True)
        suffix = free_orders(query, conjunction)
        exact = self._exact(query, conjunction, scope, suffix)
        if exact:
            return self._driven(exact, fixed_parts(conjunction), ordered=True)
        singles = self._singles(query, conjunction, scope)
        if singles:
            return self._driven(singles, fixed_parts(conjunction), ordered=False)
        if suffix:
            ranged = self._ranged(query, conjunction, scope, suffix[0])
            if ranged is not None:
                return Source(self._store.scan(ranged, False), False)
        return self._everything(query, conjunction, bool(suffix))

    def _scope(self, query: Query) -> int | None:
        """The number entries of this query's index have as scope; None if nothing was ever stored there."""
        if query.scope == "COLLECTION":
            collection = self._store.collection(query.database, query.collection)
            return collection.id if collection else None
        group = self._store.group(query.database, query.collection_id)
        return -group if group else None

    def _named(self, query: Query, operand: bytes) -> Iterator[bytes]:
        name = parse_document(key_path(operand[1:]), bound=True)
        data = self._store.get(name) if query.covers(name) else None
        if data is not None:
            yield data

    # --- candidates

    def _exact(self, query: Query, conjunction: Conjunction, scope: int, suffix: list[Order]) -> list[_Candidate]:
        """Indexes in the query's order, each narrowed by what it knows of the conditions."""
        fixed = fixed_parts(conjunction)
        name_turned = query.orders[-1].descending
        definitions = list(self._catalogue.composites(query.collection_id, query.scope))
        if suffix:
            if len(suffix) == 1 and not fixed and self._kept(query, single(suffix[0].path)):
                definitions.append(single(suffix[0].path))
        else:
            definitions += [single(path, mode) for path, mode in fixed]
            definitions = [d for d in definitions if len(d.parts) > 1 or self._kept(query, d)]
        low, high = _order_range(query, conjunction, suffix)
        found = []
        for definition in definitions:
            backwards = fits(definition, fixed, suffix, name_turned)
            if backwards is None or not definition.parts:
                continue
            head = definition.parts[: len(definition.parts) - len(suffix)]
            prefix = _prefix(head, conjunction)
            number = self._store.definition(definition)
            span = _span(scope, number, prefix, low, high, backwards)
            covers = frozenset(as_fixed(part) for part in head)
            found.append(_Candidate(number, prefix, covers, backwards, span))
        return found

    def _singles(self, query: Query, conjunction: Conjunction, scope: int) -> list[_Candidate]:
        """Single-field indexes of what is fixed, whatever the query's order."""
        found = []
        for part in fixed_parts(conjunction):
            definition = single(*part)
            if self._kept(query, definition):
                number = self._store.definition(definition)
                prefix = _prefix((part,), conjunction)
                span = _span(scope, number, prefix, b"", None, False)
                found.append(_Candidate(number, prefix, frozenset((part,)), False, span))
        return found

    def _kept(self, query: Query, definition: Definition) -> bool:
        """Whether entries of a single-field definition are written in the query's scope."""
        if query.scope == "COLLECTION_GROUP":
            return definition in self._catalogue.group_fields(query.collection_id)
        path, mode = definition.parts[0]
        return self._catalogue.keeps(query.collection_id, path)[mode == "CONTAINS"]

    def _driven(self, candidates: list[_Candidate], fixed: set[Part], ordered: bool) -> Source:
        """Reads the index that fixes most, and asks the others about each entry inside the database."""
        whole = [c for c in candidates if c.covers >= fixed]
        if whole:
            best = max(whole, key=lambda c: len(c.covers))
            return Source(self._store.scan(best.span, best.backwards), ordered)
        driver = min(candidates, key=lambda c: self._store.count(c.span, _COUNTED))
        known = set(driver.covers)
        joined = []
        for other in candidates:
            if other is not driver and other.backwards == driver.backwards and not other.covers <= known:
                known |= other.covers
                joined.append((other.number, other.prefix))
        return Source(self._store.scan(driver.span, driver.backwards, len(driver.prefix), joined), ordered)

    def _ranged(self, query: Query, conjunction: Conjunction, scope: int, order: Order) -> Span | None:
        """The part of a single-field index that a condition on the first order leaves."""
        definition = single(order.path)
        if not self._kept(query, definition):
            return None
        low, high = _value_range(conjunction, order.path)
        return _span(scope, self._store.definition(definition), b"", low, high, False)

    # --- without an index

    def _descendants(self, query: Query) -> Iterator[bytes]:
        """Everything below the parent, of whatever collection."""
        for number in self._store.collections_below(query.database, query.parent):
            yield from self._store.scan_collection(number, b"", None, False)

    def _everything(self, query: Query, conjunction: Conjunction, must_sort: bool) -> Source:
        backwards = query.orders[-1].descending
        if query.scope == "COLLECTION":
            collection = self._store.collection(query.database, query.collection)
            if collection is None:
                return Source((), True)
            low, high = (b"", None) if must_sort else _ident_range(query, conjunction)
            rows = self._store.scan_collection(collection.id, low, high, backwards)
            return Source(rows, not must_sort)
        group = self._store.group(query.database, query.collection_id)
        collections = self._store.collections_of_group(group, query.parent) if group else []
        if backwards:
            collections.reverse()
        rows = (data for number, _ in collections for data in self._store.scan_collection(number, b"", None, backwards))
        return Source(rows, not must_sort and not _nested([key for _, key in collections]))


def _nested(keys: list[bytes]) -> bool:
    """Whether one collection lies below another, so that their documents interleave."""
    ordered = sorted(keys)
    return any(b.startswith(a[:-2]) for a, b in pairwise(ordered))


def _prefix(head: Iterable[Part], conjunction: Conjunction) -> bytes:
    equal, members = equalities(conjunction), memberships(conjunction)
    parts = []
    for path, mode in head:
        condition = members[path] if mode == "CONTAINS" else equal[path]
        encoded = condition.operands[0][:INDEXED_BYTES]
        parts.append(turned(encoded) if mode == "DESCENDING" else encoded)
    return b"".join(parts)


def _span(scope: int, number: int, prefix: bytes, low: bytes, high: bytes | None, backwards: bool) -> Span:
    """A range in the query's order as a range of an index that may run the other way."""
    if backwards:
        first = prefix + turned(high) if high is not None else prefix
        return Span(scope, number, first, after_all_with(prefix + turned(low)))
    return Span(scope, number, prefix + low, prefix + high if high is not None else after_all_with(prefix))


def _value_range(conjunction: Conjunction, path: FieldPath) -> tuple[bytes, bytes | None]:
    """From (included) and to (excluded) of the encodings that the inequalities on a field can hold for."""
    low, high = b"", None
    for condition in conjunction:
        if condition.path != path or not condition.is_inequality:
            continue
        operand = condition.operands[0][:INDEXED_BYTES]
        if condition.op == "not-in":
            low = max(low, bytes([NULL + 1]))
            continue
        if condition.op in (">", ">="):
            below, above = operand, bytes([operand[0] + 1])
        else:
            below, above = operand[:1], after_all_with(operand) or b"\xff"
        low, high = max(low, below), above if high is None else min(high, above)
    return low, high


def _order_range(query: Query, conjunction: Conjunction, suffix: list[Order]) -> tuple[bytes, bytes | None]:
    """The range of sort keys, less what equality fixes, that conditions on the first order and the cursors leave."""
    low, high = b"", None
    if suffix:
        low, high = _value_range(conjunction, suffix[0].path)
        if suffix[0].descending:
            low, high = turned(high) if high is not None else b"", after_all_with(turned(low)) if low else None
    start, end = (_cursor(query, conjunction, bound) for bound in (query.start, query.end))
    if start:
        low = max(low, start)
    if end:
        last = after_all_with(end)
        if last is not None:
            high = last if high is None else min(high, last)
    return low, high


def _cursor(query: Query, conjunction: Conjunction, bound: Bound | None) -> bytes:
    """As much of a cursor as can narrow an index range; `b""` if none of it can."""
    parts = bound.parts if bound is not None else ()
    equal = equalities(conjunction)
    kept = []
    for order, part in zip(query.orders, parts, strict=False):
        condition = equal.get(order.path)
        if condition is not None:
            if part != (turned(condition.operands[0]) if order.descending else condition.operands[0]):
                return b""  # the cursor lies before or after all of this alternative; filtering decides
            continue
        if order.path != NAME and len(part) > INDEXED_BYTES:
            kept.append(part[:INDEXED_BYTES])
            break
        kept.append(part)
    return b"".join(kept)


def _ident_range(query: Query, conjunction: Conjunction) -> tuple[bytes, bytes | None]:
    """First and last document id that conditions on the name and the cursors leave, both included."""
    lows: list[str] = []
    highs: list[str] = []
    for condition in conjunction:
        if condition.path == NAME and condition.op != "not-in":
            name = parse_document(key_path(condition.operands[0][1:]), bound=True)
            if name.collection == query.collection:
                (lows if condition.op in (">", ">=") else highs).append(name.ident)
    backwards = query.orders[-1].descending
    for bound, ends in ((query.start, highs if backwards else lows), (query.end, lows if backwards else highs)):
        if bound is not None and len(bound.parts) == len(query.orders) == 1:
            key = turned(bound.parts[0]) if backwards else bound.parts[0]
            ends.append(key_path(key + b"\0\0"))
    low = max((ident.encode() for ident in lows), default=b"")
    high = min((ident.encode() for ident in highs), default=None)
    return low, high
