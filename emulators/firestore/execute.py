"""Runs a query: reads its sources, keeps what matches, puts the alternatives together in order, and counts and sums."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any

from . import fields
from .conditions import Conjunction
from .fields import FieldPath
from .messages import Document, StructuredQuery, Value
from .names import DocumentName, parse_document
from .plan import Planner, Source
from .query import Query
from .refusal import invalid
from .transforms import number_of
from .values import is_number

Overlay = dict[DocumentName, bytes | None]
"""Documents as they were at the moment a transaction reads, where they have changed since; None: there was none."""

MAX_AGGREGATIONS = 5
_INT64_MAX, _INT64_MIN = 2**63 - 1, -(2**63)


def run(query: Query, planner: Planner, overlay: Overlay) -> Iterator[Any]:
    """The documents a query gives, in order, without projection."""
    streams = [
        _stream(query, conjunction, planner.source(query, conjunction), overlay, len(query.alternatives) > 1)
        for conjunction in query.alternatives
    ]
    if overlay:
        streams.append(_replaced(query, overlay))
    found = _distinct(heapq.merge(*streams, key=itemgetter(0))) if len(streams) != 1 else (d for _, d in streams[0])
    end = None if query.limit is None else query.offset + query.limit
    return islice(found, query.offset, end)


def _stream(
    query: Query, conjunction: Conjunction, source: Source, overlay: Overlay, merged: bool
) -> Iterable[tuple[bytes, Any]]:
    """Matching documents of one alternative with their sort keys, in order."""
    if source.ordered:
        # Alone, in order and between no cursors nobody asks where a document stands.
        plain = not merged and not overlay and query.start is None and query.end is None
        return _in_order(query, conjunction, source.documents, overlay, plain)
    return sorted(_in_order(query, conjunction, source.documents, overlay, False, False), key=itemgetter(0))


def _in_order(
    query: Query,
    conjunction: Conjunction,
    rows: Iterable[bytes],
    overlay: Overlay,
    plain: bool,
    ordered: bool = True,
) -> Iterator[tuple[bytes, Any]]:
    parse = Document.FromString
    prefix = f"{query.database}/documents/{query.parent}/" if query.parent else ""
    for data in rows:
        document = parse(data)
        if not document.name.startswith(prefix):  # an index over a group knows all parents
            continue
        if overlay and parse_document(document.name) in overlay:
            continue
        if not all(condition.holds(document) for condition in conjunction):
            continue
        if plain:
            yield b"", document
            continue
        key = query.sort_key(document)
        if key is None or not query.within(key):
            if ordered and key is not None and query.past(key):
                return
            continue
        yield key, document


def _replaced(query: Query, overlay: Overlay) -> list[tuple[bytes, Any]]:
    """Matching documents as they were, for those that have changed since."""
    found = []
    for name, data in overlay.items():
        if data is not None and query.covers(name):
            document = Document.FromString(data)
            key = query.sort_key(document) if query.matches(document) else None
            if key is not None and query.within(key):
                found.append((key, document))
    return sorted(found, key=itemgetter(0))


def _distinct(pairs: Iterable[tuple[bytes, Any]]) -> Iterator[Any]:
    """A document may satisfy several alternatives; its sort key, which ends with its name, is then the same."""
    last = None
    for key, document in pairs:
        if key != last:
            yield document
        last = key


def projected(query: Query, document: Any) -> Any:
    if query.projection is None:
        return document
    return fields.project(document, list(query.projection))


def aggregated_fields(aggregations: Iterable[Any]) -> tuple[FieldPath, ...]:
    """The fields to be summed or averaged."""
    found = []
    for aggregation in aggregations:
        kind = aggregation.WhichOneof("operator")
        if kind in ("sum", "avg"):
            found.append(fields.parse_path(getattr(aggregation, kind).field.field_path))
    return tuple(dict.fromkeys(found))


def aggregate(aggregations: list[Any], documents: Iterable[Any]) -> dict[str, Any]:
    """Counts, sums and averages by alias. Only documents with all aggregated fields take part."""
    if not 1 <= len(aggregations) <= MAX_AGGREGATIONS:
        raise invalid(f"a query has between 1 and {MAX_AGGREGATIONS} aggregations")
    paths = aggregated_fields(aggregations)
    count = 0
    numbers: dict[FieldPath, list[int | float]] = {path: [] for path in paths}
    for document in documents:
        found = [fields.find(document, path) for path in paths]
        if any(value is None for value in found):
            continue
        count += 1
        for path, value in zip(paths, found, strict=True):
            if is_number(value):
                numbers[path].append(number_of(value))
    return {
        aggregation.alias or f"field_{position}": _outcome(aggregation, count, numbers)
        for position, aggregation in enumerate(aggregations, 1)
    }


def _outcome(aggregation: Any, count: int, numbers: dict[FieldPath, list[int | float]]) -> Any:
    kind = aggregation.WhichOneof("operator")
    if kind == "count":
        most = aggregation.count.up_to.value if aggregation.count.HasField("up_to") else None
        return Value(integer_value=count if most is None else min(count, most))
    if kind not in ("sum", "avg"):
        raise invalid("an aggregation counts, sums or averages")
    values = numbers[fields.parse_path(getattr(aggregation, kind).field.field_path)]
    if kind == "avg":
        return Value(double_value=sum(values) / len(values)) if values else Value(null_value=0)
    total = sum(values)
    if isinstance(total, int) and _INT64_MIN <= total <= _INT64_MAX:
        return Value(integer_value=total)
    return Value(double_value=float(total))


def up_to(aggregations: Iterable[Any], query: Any) -> Any:
    """The query to run for a count that stops early: as many documents as the largest `up_to` asks, if all have one."""
    wire = StructuredQuery()
    wire.CopyFrom(query)
    bounds = [a.count.up_to.value for a in aggregations if a.count.HasField("up_to")]
    if bounds and len(bounds) == len(list(aggregations)):
        wire.limit.value = min(max(bounds), wire.limit.value) if wire.HasField("limit") else max(bounds)
    return wire
