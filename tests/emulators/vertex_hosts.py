"""Google's clients pointed at the models emulator."""

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import FindNeighborsRequest, FindNeighborsResponse, IndexDatapoint
from starlette.applications import Starlette

from emulators.faults import Faults
from emulators.vertex.answers import REFUSALS
from emulators.vertex.hosting import Hosted
from emulators.vertex.vectors.datapoint import IndexSpec
from emulators.vertex.vectors.engine import VectorEngine
from emulators.vertex.vectors.wire import routes

PLACE = "projects/demo/locations/us-central1"
INDEX = f"{PLACE}/indexes/7"
ENDPOINT = f"{PLACE}/indexEndpoints/9"
SPEC = IndexSpec(index=INDEX, endpoint=ENDPOINT, deployed_index_id="main", dimensions=4)


@dataclass
class VectorSearch:
    """The two official clients and short forms of what the tests say often."""

    port: int
    faults: Faults
    engine: VectorEngine
    indexes: aiplatform_v1.IndexServiceClient = field(init=False)
    matches: aiplatform_v1.MatchServiceClient = field(init=False)

    def __post_init__(self) -> None:
        options = ClientOptions(api_endpoint=f"http://127.0.0.1:{self.port}")
        shared = {"transport": "rest", "client_options": options, "credentials": AnonymousCredentials()}
        self.indexes = aiplatform_v1.IndexServiceClient(**shared)
        self.matches = aiplatform_v1.MatchServiceClient(**shared)

    def upsert(self, *points: IndexDatapoint, index: str = INDEX) -> None:
        self.indexes.upsert_datapoints(request={"index": index, "datapoints": list(points)}, timeout=30)

    def remove(self, *ids: str) -> None:
        self.indexes.remove_datapoints(request={"index": INDEX, "datapoint_ids": list(ids)}, timeout=30)

    def read(self, *ids: str) -> list[IndexDatapoint]:
        request = {"index_endpoint": ENDPOINT, "deployed_index_id": "main", "ids": list(ids)}
        return list(self.matches.read_index_datapoints(request=request, timeout=30).datapoints)

    def find(self, *queries: dict, full: bool = False, deployed: str = "main") -> list[list[FindNeighborsResponse.Neighbor]]:
        asked = [FindNeighborsRequest.Query(query) for query in queries]
        request = FindNeighborsRequest(
            index_endpoint=ENDPOINT, deployed_index_id=deployed, queries=asked, return_full_datapoint=full
        )
        answer = self.matches.find_neighbors(request, timeout=30)
        return [list(near.neighbors) for near in answer.nearest_neighbors]

    def ids(self, vector: Sequence[float] = (1, 0, 0, 0), *, count: int = 10, crowd: int = 0, **datapoint: object) -> list[str]:
        """The ids nearest to a vector, in order."""
        query = {
            "datapoint": {"feature_vector": list(vector), **datapoint},
            "neighbor_count": count,
            "per_crowding_attribute_neighbor_count": crowd,
        }
        return [neighbor.datapoint.datapoint_id for neighbor in self.find(query)[0]]


def point(name: str, vector: Sequence[float], *, tag: str = "", **restricts: str | list[str]) -> IndexDatapoint:
    """A datapoint whose keyword arguments are allow lists."""
    allowed = [{"namespace": key, "allow_list": [value] if isinstance(value, str) else value} for key, value in restricts.items()]
    return IndexDatapoint(
        datapoint_id=name,
        feature_vector=list(vector),
        restricts=allowed,
        crowding_tag=IndexDatapoint.CrowdingTag(crowding_attribute=tag) if tag else None,
    )


def only(**allowed: str | list[str]) -> list[dict]:
    """Restricts of a query, each an allow list."""
    return [{"namespace": key, "allow_list": [value] if isinstance(value, str) else value} for key, value in allowed.items()]


@contextmanager
def vector_search(folder: Path | None = None, spec: IndexSpec = SPEC, **settings: int):
    """A vector search on a free port, in memory or below `folder`."""
    faults = Faults()
    database = folder / "vertex.sqlite" if folder else None
    engine = VectorEngine([spec], database=database, folder=folder / "blocks" if folder else None, **settings)
    hosted = Hosted(0)
    app = Starlette(routes=routes(engine, faults, lambda: f"127.0.0.1:{hosted.port}"), exception_handlers=REFUSALS)
    hosted.run(app, close=engine.close)
    try:
        yield VectorSearch(hosted.port, faults, engine)
    finally:
        hosted.stop()
