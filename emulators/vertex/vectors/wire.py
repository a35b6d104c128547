"""Vector Search over REST: IndexService (upsert, remove, get) and MatchService (findNeighbors, readIndexDatapoints).

Field names are read as proto3 JSON allows (camelCase or snake_case, 64-bit integers as strings, enums by name or number).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from starlette.routing import Route

from emulators.faults import Faults
from emulators.vertex.answers import endpoint, field_of, invalid, not_found, unimplemented
from emulators.vertex.vectors.datapoint import (
    BadDatapoint,
    Datapoint,
    IndexSpec,
    Neighbor,
    NumericRestrict,
    Query,
    Restrict,
    Sparse,
    UnknownIndex,
)
from emulators.vertex.vectors.engine import VectorEngine

_PLACE = "/v1/projects/{project}/locations/{location}"
_OPERATORS = ("OPERATOR_UNSPECIFIED", "LESS", "LESS_EQUAL", "EQUAL", "GREATER_EQUAL", "GREATER", "NOT_EQUAL")
# Largest request production takes [not measured here]: kept so that a batch which would be refused there is refused here.
_MOST_DATAPOINTS = 1_000
_MOST_NEIGHBORS = 1_000
_DEFAULT_NEIGHBORS = 10

Json = dict[str, Any]
Decoded = TypeVar("Decoded")


def routes(engine: VectorEngine, faults: Faults, host: Callable[[], str]) -> list[Route]:
    """`host()` is what an endpoint names as its public domain."""

    def upsert(values: dict[str, str], body: Json) -> Json:
        spec = engine.spec(_name(values, "indexes", "index"))
        if field_of(body, "updateMask"):
            raise unimplemented("upsertDatapoints with an update mask is not served here")
        points = _decoded(_list(body, "datapoints"), _datapoint)
        if len(points) > _MOST_DATAPOINTS:
            raise invalid(f"at most {_MOST_DATAPOINTS} datapoints can be upserted in one request")
        engine.upsert(spec, points)
        return {}

    def remove(values: dict[str, str], body: Json) -> Json:
        engine.remove(engine.spec(_name(values, "indexes", "index")), _strings(body, "datapointIds"))
        return {}

    def find(values: dict[str, str], body: Json) -> Json:
        spec = engine.endpoint(_name(values, "indexEndpoints", "endpoint"), field_of(body, "deployedIndexId") or "")
        queries = _decoded(_list(body, "queries"), _query)
        full = bool(field_of(body, "returnFullDatapoint"))
        found = engine.find(spec, queries, full=full)
        lists = zip(queries, found, strict=True)
        return {
            "nearestNeighbors": [{"id": query.datapoint.id, "neighbors": [_neighbor(n) for n in near]} for query, near in lists]
        }

    def read(values: dict[str, str], body: Json) -> Json:
        spec = engine.endpoint(_name(values, "indexEndpoints", "endpoint"), field_of(body, "deployedIndexId") or "")
        return {"datapoints": [_datapoint_json(point) for point in engine.read(spec, _strings(body, "ids"))]}

    def get_index(values: dict[str, str], _body: Json) -> Json:
        name = _name(values, "indexes", "index")
        return _index_json(name, engine.spec(name), engine.count(engine.spec(name)))

    def get_endpoint(values: dict[str, str], _body: Json) -> Json:
        name = _name(values, "indexEndpoints", "endpoint")
        return _endpoint_json(name, engine.endpoint(name), host())

    def route(path: str, method: str, operation: str, work: Callable[[dict[str, str], Json], Json]) -> Route:
        return Route(f"{_PLACE}/{path}", endpoint(faults, operation, _translated(work)), methods=[method])

    return [
        route("indexes/{index}:upsertDatapoints", "POST", "vertex.UpsertDatapoints", upsert),
        route("indexes/{index}:removeDatapoints", "POST", "vertex.RemoveDatapoints", remove),
        route("indexEndpoints/{endpoint}:findNeighbors", "POST", "vertex.FindNeighbors", find),
        route("indexEndpoints/{endpoint}:readIndexDatapoints", "POST", "vertex.ReadIndexDatapoints", read),
        route("indexes/{index}", "GET", "vertex.GetIndex", get_index),
        route("indexEndpoints/{endpoint}", "GET", "vertex.GetIndexEndpoint", get_endpoint),
    ]


def _translated(work: Callable[[dict[str, str], Json], Json]) -> Callable[[dict[str, str], Json], Json]:
    """What the engine refuses, as the API's errors."""

    def translated(values: dict[str, str], body: Json) -> Json:
        try:
            return work(values, body)
        except UnknownIndex as error:
            raise not_found(str(error)) from None
        except BadDatapoint as error:
            raise invalid(str(error)) from None

    return translated


def _decoded(raw: list[Any], decode: Callable[[Json], Decoded]) -> list[Decoded]:
    """Every item decoded; a value of the wrong type is the caller's mistake."""
    try:
        return [decode(item) for item in raw]
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise invalid(f"Invalid value in the request: {error}") from error


def _name(values: dict[str, str], collection: str, key: str) -> str:
    return f"projects/{values['project']}/locations/{values['location']}/{collection}/{values[key]}"


def _list(body: Json, camel: str) -> list[Any]:
    value = field_of(body, camel)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadDatapoint(f"{camel} must be a list")
    return value


def _strings(body: Json, camel: str) -> tuple[str, ...]:
    values = _list(body, camel)
    if not all(isinstance(value, str) for value in values):
        raise BadDatapoint(f"{camel} must hold strings")
    return tuple(values)


def _datapoint(raw: Json) -> Datapoint:
    vector, sparse = _list(raw, "featureVector"), field_of(raw, "sparseEmbedding")
    crowding = field_of(raw, "crowdingTag") or {}
    return Datapoint(
        id=str(field_of(raw, "datapointId") or ""),
        vector=np.array(vector, dtype=np.float32) if vector else None,
        sparse=_sparse(sparse) if sparse else None,
        restricts=[
            Restrict(field_of(restrict, "namespace") or "", _strings(restrict, "allowList"), _strings(restrict, "denyList"))
            for restrict in _list(raw, "restricts")
        ],
        numerics=[_numeric(numeric) for numeric in _list(raw, "numericRestricts")],
        crowding=field_of(crowding, "crowdingAttribute") or "",
        metadata=field_of(raw, "embeddingMetadata"),
    )


def _sparse(raw: Json) -> Sparse:
    dimensions = tuple(int(dimension) for dimension in _list(raw, "dimensions"))
    return Sparse(dimensions, tuple(float(value) for value in _list(raw, "values")))


def _numeric(raw: Json) -> NumericRestrict:
    namespace, op = field_of(raw, "namespace") or "", field_of(raw, "op")
    if isinstance(op, int):
        op = _OPERATORS[op] if 0 <= op < len(_OPERATORS) else str(op)
    if op == _OPERATORS[0]:
        op = None
    if (whole := field_of(raw, "valueInt")) is not None:
        return NumericRestrict(namespace, "int", int(whole), op)
    if (single := field_of(raw, "valueFloat")) is not None:
        return NumericRestrict(namespace, "float", float(single), op)
    if (double := field_of(raw, "valueDouble")) is not None:
        return NumericRestrict(namespace, "double", float(double), op)
    raise BadDatapoint(f"numeric restrict on {namespace}: a value is required")


def _query(raw: Json) -> Query:
    count = int(field_of(raw, "neighborCount") or _DEFAULT_NEIGHBORS)
    if count > _MOST_NEIGHBORS:
        raise BadDatapoint(f"neighbor_count must be at most {_MOST_NEIGHBORS}")
    rrf = field_of(raw, "rrf")
    return Query(
        datapoint=_datapoint(field_of(raw, "datapoint") or {}),
        count=count,
        per_crowding=int(field_of(raw, "perCrowdingAttributeNeighborCount") or 0),
        alpha=0.5 if rrf is None else float(field_of(rrf, "alpha") or 0.0),  # an alpha of 0 is not written in proto JSON
    )


def _neighbor(neighbor: Neighbor) -> Json:
    brief: Json = {"datapointId": neighbor.id}
    if neighbor.crowding:
        brief["crowdingTag"] = {"crowdingAttribute": neighbor.crowding}
    answer: Json = {"datapoint": _datapoint_json(neighbor.full) if neighbor.full else brief}
    if neighbor.distance is not None:
        answer["distance"] = neighbor.distance
    if neighbor.sparse_distance is not None:
        answer["sparseDistance"] = neighbor.sparse_distance
    return answer


def _datapoint_json(point: Datapoint) -> Json:
    values = {"int": "valueInt", "float": "valueFloat", "double": "valueDouble"}
    answer: Json = {
        "datapointId": point.id,
        "featureVector": [] if point.vector is None else np.ascontiguousarray(point.vector),
        "restricts": [{"namespace": r.namespace, "allowList": r.allow, "denyList": r.deny} for r in point.restricts],
        "numericRestricts": [
            {"namespace": n.namespace, values[n.kind]: str(n.value) if n.kind == "int" else n.value} for n in point.numerics
        ],
    }
    if point.sparse:
        answer["sparseEmbedding"] = {"values": point.sparse.values, "dimensions": [str(d) for d in point.sparse.dimensions]}
    if point.crowding:
        answer["crowdingTag"] = {"crowdingAttribute": point.crowding}
    if point.metadata is not None:
        answer["embeddingMetadata"] = point.metadata
    return answer


def _index_json(name: str, spec: IndexSpec, count: int) -> Json:
    return {
        "name": name,
        "displayName": name.rsplit("/", 1)[-1],
        "metadata": {
            "config": {
                "dimensions": spec.dimensions,
                "distanceMeasureType": spec.distance,
                "algorithmConfig": {"bruteForceConfig": {}},
            }
        },
        "indexUpdateMethod": "STREAM_UPDATE",
        "indexStats": {"vectorsCount": str(count), "shardsCount": 1},
        "deployedIndexes": [
            {"indexEndpoint": _beside(name, "indexEndpoints", spec.endpoint), "deployedIndexId": spec.deployed_index_id}
        ],
    }


def _endpoint_json(name: str, spec: IndexSpec, host: str) -> Json:
    return {
        "name": name,
        "displayName": name.rsplit("/", 1)[-1],
        "publicEndpointEnabled": True,
        "publicEndpointDomainName": host,
        "deployedIndexes": [{"id": spec.deployed_index_id, "index": _beside(name, "indexes", spec.index)}],
    }


def _beside(name: str, collection: str, other: str) -> str:
    """The full resource name of a declared bare id, in the same project and location."""
    return other if "/" in other else "/".join([*name.split("/")[:4], collection, other])
