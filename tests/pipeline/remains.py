"""What is left of a tenant: rows, objects and vectors, wherever they lie."""

import requests

from shared.domain.documents import Document
from shared.domain.media import Cut, Index, Segment, Video
from shared.domain.runs import LlmCall, Run, RunMedia, SegmentResult
from shared.vectors.index import DIMENSIONS
from tests.pipeline.world import World

KINDS: tuple[type[Document], ...] = (Index, Video, Cut, Segment, Run, RunMedia, SegmentResult, LlmCall)
ANYWHERE = [1.0] + [0.0] * (DIMENSIONS - 1)


def rows(world: World, tenant: str, *, about: str = "") -> list[str]:
    """Kinds of the rows below the tenant whose path names `about`."""
    found = []
    for kind in KINDS:
        for snapshot in world.store.across_tenants(kind).stream():
            path = snapshot.reference.path
            if path.startswith(f"tenants/{tenant}/") and about in path:
                found.append(kind.__name__)
    return found


def objects(world: World, tenant: str, *, about: str = "") -> list[str]:
    names = [
        blob.name
        for bucket in (world.objects.originals, world.objects.derived)
        for blob in world.objects._client.list_blobs(bucket)
    ]
    return [name for name in names if tenant in name and about in name]


def vectors(world: World, tenant: str, **restricts: str) -> list[str]:
    """Ids of all vectors with these restricts, asked of the service itself."""
    allowed = [{"namespace": name, "allowList": [value]} for name, value in {"tenant": tenant, **restricts}.items()]
    endpoint, _, deployed = world.settings.vector_endpoint.partition("#")
    query = {"datapoint": {"datapointId": "any", "featureVector": ANYWHERE, "restricts": allowed}, "neighborCount": 500}
    url = f"{world.settings.vector_api_endpoint}/v1/{endpoint}:findNeighbors"
    answered = requests.post(url, json={"deployedIndexId": deployed, "queries": [query]}, timeout=10)
    answered.raise_for_status()
    return [found["datapoint"]["datapointId"] for found in answered.json()["nearestNeighbors"][0].get("neighbors", [])]
