"""The whole models process on one port."""

from pathlib import Path

import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import FindNeighborsRequest, IndexDatapoint
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.vertex.context import context_from
from emulators.vertex.server import DEFAULT_INDEX, serve

PLACE = "projects/demo/locations/us-central1"


def nothing_stored(uri: str) -> bytes:
    raise FileNotFoundError(uri)


def test_embedded_sentences_are_found_again_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = ["a dog runs along the beach", "quarterly revenue went up", "the band plays an old song"]
    config = types.EmbedContentConfig(output_dimensionality=768)

    def clients(port: int):
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", f"http://127.0.0.1:{port}")
        shared = {
            "transport": "rest",
            "client_options": {"api_endpoint": f"http://127.0.0.1:{port}"},
            "credentials": AnonymousCredentials(),
        }
        models = genai.Client(vertexai=True, project="demo", location="us-central1", credentials=Credentials(token="local"))
        return models, aiplatform_v1.IndexServiceClient(**shared), aiplatform_v1.MatchServiceClient(**shared)

    def embedded(models, text: str) -> list[float]:
        return models.models.embed_content(model="gemini-embedding-2", contents=text, config=config).embeddings[0].values

    server = serve(tmp_path, Faults(), ManualClock(), nothing_stored)
    try:
        models, indexes, _ = clients(server.port)
        points = [IndexDatapoint(datapoint_id=f"s{n}", feature_vector=embedded(models, text)) for n, text in enumerate(sentences)]
        indexes.upsert_datapoints(request={"index": f"{PLACE}/indexes/{DEFAULT_INDEX.index}", "datapoints": points})
    finally:
        server.stop()

    server = serve(tmp_path, Faults(), ManualClock(), nothing_stored)
    try:
        models, _, matches = clients(server.port)
        request = FindNeighborsRequest(
            index_endpoint=f"{PLACE}/indexEndpoints/{DEFAULT_INDEX.endpoint}",
            deployed_index_id=DEFAULT_INDEX.deployed_index_id,
            queries=[{"datapoint": {"feature_vector": embedded(models, "music on a stage")}, "neighbor_count": 1}],
        )
        [near] = matches.find_neighbors(request).nearest_neighbors
        assert [neighbor.datapoint.datapoint_id for neighbor in near.neighbors] == ["s2"]
    finally:
        server.stop()


def test_generation_answers_on_the_same_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(tmp_path, Faults(), ManualClock(), nothing_stored)
    try:
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", f"http://127.0.0.1:{server.port}")
        client = genai.Client(vertexai=True, project="demo", location="us-central1", credentials=Credentials(token="local"))
        assert client.models.count_tokens(model="gemini-2.5-flash", contents="how many tokens are these").total_tokens > 0
        with pytest.raises(errors.ServerError) as refused:
            client.models.list()
        assert refused.value.code == 501
    finally:
        server.stop()


def test_ranged_reading_falls_back_to_whole_reading() -> None:
    context = context_from(ManualClock(), None, lambda uri: bytes(range(100)))
    assert context.object_size("gs://b/o") == 100
    assert context.read_range("gs://b/o", 90, 50) == bytes(range(90, 100))


def test_a_stopped_server_frees_its_port_and_files(tmp_path: Path) -> None:
    server = serve(tmp_path, Faults(), ManualClock(), nothing_stored)
    port = server.port
    server.stop()
    server.stop()
    again = serve(tmp_path, Faults(), ManualClock(), nothing_stored, port=port)
    assert again.port == port
    again.stop()


def test_a_reset_forgets_vectors_and_keeps_the_declared_index(tmp_path: Path) -> None:
    server = serve(tmp_path, Faults(), ManualClock(), nothing_stored)
    try:
        options = {"api_endpoint": f"http://127.0.0.1:{server.port}"}
        indexes = aiplatform_v1.IndexServiceClient(transport="rest", client_options=options, credentials=AnonymousCredentials())
        name = f"{PLACE}/indexes/{DEFAULT_INDEX.index}"
        point = IndexDatapoint(datapoint_id="a", feature_vector=[0.0] * 768)
        indexes.upsert_datapoints(request={"index": name, "datapoints": [point]})
        assert indexes.get_index(name=name).index_stats.vectors_count == 1
        server.reset()
        assert indexes.get_index(name=name).index_stats.vectors_count == 0
        indexes.upsert_datapoints(request={"index": name, "datapoints": [point]})
        assert indexes.get_index(name=name).index_stats.vectors_count == 1
    finally:
        server.stop()


def test_the_process_lets_an_idle_model_go_by_its_own_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    server = serve(tmp_path, Faults(), clock, nothing_stored)
    try:
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", f"http://127.0.0.1:{server.port}")
        client = genai.Client(vertexai=True, project="demo", location="us-central1", credentials=Credentials(token="local"))
        client.models.embed_content(model="gemini-embedding-2", contents="words")
        clock.advance(299)
        assert not server.cool()
        clock.advance(1)
        assert server.cool()
    finally:
        server.stop()
