"""Embeddings over REST, as google-genai sends them in Vertex mode: `:embedContent` (one content) and `:predict` (instances).

Every answer says in `x-emulator-embedding-space` which space its vector lives in; vectors of two spaces cannot be compared.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from emulators.faults import Faults
from emulators.vertex.answers import as_json, endpoint, field_of, invalid, not_found, unimplemented
from emulators.vertex.embeddings.engine import IMAGE_SPACE, Embedding, EmbeddingEngine
from emulators.vertex.embeddings.weights import ModelMissing
from shared.media.opener import UnreadableMedia

SPACE_HEADER = "x-emulator-embedding-space"
_VERSIONS = ("v1", "v1beta1")  # google-genai asks for the latter unless told otherwise
_MODEL = "projects/{project}/locations/{location}/publishers/{publisher}/models/{model}"
_DEFAULT_DIMENSIONS = 3072
_TEXT_MODEL_DIMENSIONS = 768
_MOST_INSTANCES = 250
_MOST_PICTURES = 6
Json = dict[str, Any]


def routes(engine: EmbeddingEngine, faults: Faults, read_object: Callable[[str], bytes]) -> list[Route]:
    """`read_object(gs uri)` answers an object's bytes or raises `FileNotFoundError`."""

    def embed_content(values: dict[str, str], body: Json) -> Response:
        config = field_of(body, "embedContentConfig") or {}
        dimensions = _dimensions(field_of(config, "outputDimensionality"), _DEFAULT_DIMENSIONS)
        found = _embed_parts(engine, _parts(body), dimensions, read_object)
        if found.truncated and field_of(config, "autoTruncate") is False:
            raise invalid("the text is longer than the model reads, and autoTruncate is off")
        modality = "IMAGE" if found.space == IMAGE_SPACE else "TEXT"
        answer: Json = {
            "embedding": {"values": found.values},
            "usageMetadata": {
                "promptTokenCount": found.tokens,
                "totalTokenCount": found.tokens,
                "promptTokensDetails": [{"modality": modality, "tokenCount": found.tokens}],
            },
            "truncated": found.truncated,
        }
        return as_json(answer, headers={SPACE_HEADER: found.space})

    def predict(values: dict[str, str], body: Json) -> Response:
        default = _DEFAULT_DIMENSIONS if values["model"].startswith("gemini") else _TEXT_MODEL_DIMENSIONS
        parameters = body.get("parameters") or {}
        dimensions = _dimensions(field_of(parameters, "outputDimensionality"), default)
        found = _embed_texts(engine, _instances(body), dimensions)
        if field_of(parameters, "autoTruncate") is False and any(embedding.truncated for embedding in found):
            raise invalid("a text is longer than the model reads, and autoTruncate is off")
        predictions = [
            {"embeddings": {"values": e.values, "statistics": {"truncated": e.truncated, "token_count": e.tokens}}} for e in found
        ]
        return as_json({"predictions": predictions}, headers={SPACE_HEADER: found[0].space})

    served = [("embedContent", "vertex.EmbedContent", embed_content), ("predict", "vertex.Predict", predict)]
    return [
        Route(f"/{version}/{_MODEL}:{verb}", endpoint(faults, operation, work), methods=["POST"])
        for version in _VERSIONS
        for verb, operation, work in served
    ]


def _embed_parts(engine: EmbeddingEngine, parts: list[Json], dimensions: int, read_object: Callable[[str], bytes]) -> Embedding:
    """All parts of a content make one vector, as with the real model; words and pictures together cannot: no joint space."""
    words = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    files = [part for part in parts if field_of(part, "inlineData") or field_of(part, "fileData")]
    if len(words) + len(files) != len(parts):
        raise invalid("a part must be text, inlineData or fileData")
    if words and files:
        raise unimplemented("text and pictures have no joint space here: embed them one by one")
    if words:
        if not any(word.strip() for word in words):
            raise invalid("the text to embed must not be empty")
        return _embed_texts(engine, ["\n".join(words)], dimensions)[0]
    if len(files) > _MOST_PICTURES:
        raise invalid(f"at most {_MOST_PICTURES} pictures can be embedded together")
    try:
        return engine.pictures([_picture(part, read_object) for part in files], dimensions)
    except UnreadableMedia as error:
        raise invalid(f"Unable to process input image: {error}") from None


def _embed_texts(engine: EmbeddingEngine, texts: list[str], dimensions: int) -> list[Embedding]:
    try:
        return engine.texts(texts, dimensions)
    except ModelMissing as error:
        raise unimplemented(f"text embeddings are not available: {error}") from None


def _parts(body: Json) -> list[Json]:
    content = body.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise invalid("content.parts must hold at least one part")
    return parts


def _instances(body: Json) -> list[str]:
    instances = body.get("instances")
    if not isinstance(instances, list) or not instances:
        raise invalid("instances must hold at least one instance")
    if len(instances) > _MOST_INSTANCES:
        raise invalid(f"{len(instances)} instance(s) is more than the allowed {_MOST_INSTANCES}")
    texts = []
    for instance in instances:
        text = instance.get("content") if isinstance(instance, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise invalid("the text content is empty")
        title = instance.get("title")
        texts.append(f"{title}\n{text}" if isinstance(title, str) and title.strip() else text)
    return texts


def _picture(part: Json, read_object: Callable[[str], bytes]) -> bytes:
    held = field_of(part, "inlineData") or field_of(part, "fileData")
    kind = str(field_of(held, "mimeType") or "")
    if not kind.startswith("image/"):
        raise unimplemented(f"only text and pictures are embedded here, not {kind or 'a part without a type'}")
    uri = field_of(held, "fileUri")
    if uri is not None:
        try:
            return read_object(str(uri))
        except FileNotFoundError:
            raise not_found(f"{uri} is not found") from None
    try:
        return base64.b64decode(str(held.get("data", "")).translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("inlineData.data is not base64") from None


def _dimensions(value: Any, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _DEFAULT_DIMENSIONS:
        raise invalid(f"outputDimensionality must be a whole number from 1 to {_DEFAULT_DIMENSIONS}")
    return value
