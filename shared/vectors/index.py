"""Vertex AI Vector Search over REST: upsert, remove, find neighbours.

One index holds text and image vectors of every tenant, told apart by restricts. REST with one authorised session, because the
gRPC client library of this service costs half a second of cold start.

Ids are made and read by `shared.vectors.ids`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import google.auth
from google.auth.transport.requests import AuthorizedSession

from shared.config import Settings
from shared.work.outcomes import Retry, Throttled

DIMENSIONS = 768
_UPSERT_BATCH = 200
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


@dataclass(frozen=True)
class Datapoint:
    """`restricts` maps a namespace to its one value; `crowding` is the segment, so that one segment cannot fill a page."""

    id: str
    vector: Sequence[float]
    restricts: dict[str, str]
    crowding: str = ""


@dataclass(frozen=True)
class Hit:
    id: str
    score: float  # dot product of unit vectors: cosine similarity


@dataclass(frozen=True)
class Query:
    vector: Sequence[float]
    allow: dict[str, list[str]] = field(default_factory=dict)
    limit: int = 30
    per_segment: int = 0  # most hits of one segment; 0 for no limit


class VectorIndex:
    def __init__(self, session: Any, settings: Settings) -> None:
        self._session = session
        endpoint, _, self._deployed = settings.vector_endpoint.partition("#")
        base = settings.vector_api_endpoint or f"https://{settings.region}-aiplatform.googleapis.com"
        self._index_url = f"{base}/v1/{settings.vector_index}"
        self._endpoint_url = f"{base}/v1/{endpoint}"

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
        body: dict[str, Any] = {
            "datapoint": {
                "datapointId": "query",
                "featureVector": list(query.vector),
                "restricts": [{"namespace": name, "allowList": values} for name, values in query.allow.items()],
            },
            "neighborCount": query.limit,
        }
        if query.per_segment:
            body["perCrowdingAttributeNeighborCount"] = query.per_segment
        answer = self._post(f"{self._endpoint_url}:findNeighbors", {"deployedIndexId": self._deployed, "queries": [body]})
        neighbours = (answer.get("nearestNeighbors") or [{}])[0].get("neighbors") or []
        hits = [Hit(n["datapoint"]["datapointId"], float(n.get("distance", 0.0))) for n in neighbours]
        return sorted(hits, key=lambda hit: (-hit.score, hit.id))

    def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._session.post(url, json=body, timeout=30)
        except OSError as error:  # requests' connection errors
            raise Retry(f"vector search is out of reach: {type(error).__name__}") from error
        if response.status_code == 429:
            raise Throttled(_seconds(response.headers.get("Retry-After"), 5.0), "vector search is throttled")
        if response.status_code >= 500:
            raise Retry(f"vector search answered {response.status_code}")
        if response.status_code >= 400:
            raise ValueError(f"vector search refused: {response.text[:500]}")
        return response.json() if response.content else {}


def _wire(point: Datapoint) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "datapointId": point.id,
        "featureVector": list(point.vector),
        "restricts": [{"namespace": name, "allowList": [value]} for name, value in point.restricts.items()],
    }
    if point.crowding:
        wire["crowdingTag"] = {"crowdingAttribute": point.crowding}
    return wire


def _seconds(text: str | None, default: float) -> float:
    return float(text) if text and text.isdigit() else default


@cache
def connect(settings: Settings) -> VectorIndex:
    credentials, _ = google.auth.default(scopes=_SCOPES)
    return VectorIndex(AuthorizedSession(credentials), settings)
