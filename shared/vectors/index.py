"""Vertex AI Vector Search over REST: upsert, remove, find neighbours.

One index holds text and image vectors of every tenant, told apart by restricts. REST with one authorised session, because the
gRPC client library of this service costs half a second of cold start.

Ids are made and read by `shared.vectors.ids`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import google.auth
import orjson
from google.auth.transport.requests import AuthorizedSession

from shared.config import Settings
from shared.vectors.words import Sparse
from shared.work.outcomes import Retry, Throttled

DIMENSIONS = 768
_UPSERT_BATCH = 200
_READ_BATCH = 50
_JSON = {"Content-Type": "application/json"}
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


@dataclass(frozen=True)
class Datapoint:
    """`restricts` maps a namespace to its value, or to several; of one `crowding` a query takes only so many."""

    id: str
    vector: Sequence[float]
    restricts: Mapping[str, str | list[str]]
    crowding: str = ""
    sparse: Sparse | None = None


@dataclass(frozen=True)
class Hit:
    id: str
    score: float  # dot product: of unit vectors their cosine, of sparse ones the shared weight


@dataclass(frozen=True)
class Query:
    """By a vector or by words, one of the two; `per_crowd` is the most hits of one crowding, 0 for no limit."""

    vector: Sequence[float] | None = None
    sparse: Sparse | None = None
    allow: Mapping[str, list[str]] = field(default_factory=dict)
    limit: int = 30
    per_crowd: int = 0


class VectorIndex:
    def __init__(self, session: Any, settings: Settings) -> None:
        self._session = session
        endpoint, _, self._deployed = settings.vector_endpoint.partition("#")
        base = settings.vector_api_endpoint or f"https://{settings.region}-aiplatform.googleapis.com"
        self._index_url = f"{base}/v1/{settings.vector_index}"
        host, _, name = endpoint.rpartition("/projects/")  # in the cloud a deployed index is asked at a host of its own
        self._endpoint_url = f"{host}/v1/projects/{name}" if host else f"{base}/v1/{endpoint}"

    def upsert(self, points: Sequence[Datapoint]) -> None:
        """Writes the points, over those of the same id; found within seconds in the cloud, at once locally."""
        for start in range(0, len(points), _UPSERT_BATCH):
            batch = [_wire(point) for point in points[start : start + _UPSERT_BATCH]]
            self._post(f"{self._index_url}:upsertDatapoints", {"datapoints": batch})

    def remove(self, ids: Iterable[str]) -> None:
        """Ids that are not there are no error."""
        wanted = list(ids)
        for start in range(0, len(wanted), 1000):
            self._post(f"{self._index_url}:removeDatapoints", {"datapointIds": wanted[start : start + 1000]})

    def find(self, query: Query) -> list[Hit]:
        """Nearest first; ties by id, so that the same question gets the same answer."""
        return self.find_all([query])[0]

    def find_all(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """The hits of each query, in one call."""
        if not queries:
            return []
        body = {"deployedIndexId": self._deployed, "queries": [_asked(query) for query in queries]}
        lists = self._post(f"{self._endpoint_url}:findNeighbors", body).get("nearestNeighbors") or []
        found = [_hits(one.get("neighbors") or []) for one in lists]
        return found + [[] for _ in range(len(queries) - len(found))]

    def similarities(self, ids: Sequence[str], vector: Sequence[float]) -> dict[str, float]:
        """Cosine of each stored vector with this one; ids that are gone are left out."""
        found: dict[str, float] = {}
        for start in range(0, len(ids), _READ_BATCH):
            body = {"deployedIndexId": self._deployed, "ids": list(ids[start : start + _READ_BATCH])}
            for point in self._post(f"{self._endpoint_url}:readIndexDatapoints", body).get("datapoints") or []:
                found[point["datapointId"]] = sum(a * b for a, b in zip(point["featureVector"], vector, strict=True))
        return found

    def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._session.post(url, data=orjson.dumps(body), headers=_JSON, timeout=30)
        except OSError as error:  # requests' connection errors
            raise Retry(f"vector search is out of reach: {type(error).__name__}") from error
        if response.status_code == 429:
            raise Throttled(_seconds(response.headers.get("Retry-After"), 5.0), "vector search is throttled")
        if response.status_code >= 500:
            raise Retry(f"vector search answered {response.status_code}")
        if response.status_code >= 400:
            raise ValueError(f"vector search refused: {response.text[:500]}")
        return orjson.loads(response.content) if response.content else {}


def _wire(point: Datapoint) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "datapointId": point.id,
        "featureVector": list(point.vector),
        "restricts": _restricts({name: [value] if isinstance(value, str) else value for name, value in point.restricts.items()}),
    }
    if point.sparse is not None:
        wire["sparseEmbedding"] = _sparse(point.sparse)
    if point.crowding:
        wire["crowdingTag"] = {"crowdingAttribute": point.crowding}
    return wire


def _asked(query: Query) -> dict[str, Any]:
    datapoint: dict[str, Any] = {"datapointId": "query", "restricts": _restricts(query.allow)}
    if query.vector is not None:
        datapoint["featureVector"] = list(query.vector)
    if query.sparse is not None:
        datapoint["sparseEmbedding"] = _sparse(query.sparse)
    asked: dict[str, Any] = {"datapoint": datapoint, "neighborCount": query.limit}
    if query.per_crowd:
        asked["perCrowdingAttributeNeighborCount"] = query.per_crowd
    return asked


def _restricts(values: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    return [{"namespace": name, "allowList": allowed} for name, allowed in values.items()]


def _sparse(sparse: Sparse) -> dict[str, Any]:
    return {"dimensions": [str(one) for one in sparse.dimensions], "values": sparse.values}


def _hits(neighbours: list[dict[str, Any]]) -> list[Hit]:
    hits = [Hit(n["datapoint"]["datapointId"], float(n.get("distance") or n.get("sparseDistance") or 0.0)) for n in neighbours]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def _seconds(text: str | None, default: float) -> float:
    return float(text) if text and text.isdigit() else default


@cache
def connect(settings: Settings) -> VectorIndex:
    credentials, _ = google.auth.default(scopes=_SCOPES)
    return VectorIndex(AuthorizedSession(credentials), settings)
