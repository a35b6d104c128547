"""The three things a model is asked for: JSON by a schema, text as a vector, a picture as a vector. Gemini on Vertex AI.

`google-genai` finds another server through `GOOGLE_VERTEX_BASE_URL`. Its import costs half a second, so it happens on the first
call. A failure of the service comes out as one of the three failures a stage knows.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import google.auth

from shared import tracing
from shared.config import Settings
from shared.domain.failures import FailureCode
from shared.inference import conversing
from shared.inference.conversing import Dialogue, Utterance
from shared.vectors.index import DIMENSIONS
from shared.work.outcomes import GiveUp, Retry, Throttled

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_CALL_MILLISECONDS = 600_000
_EMBED_AT_ONCE = 8
_EMBED_CHARS = 20_000  # within the model's 8,192 tokens in any script; a vector of more would say little anyway
OFFLINE_MODEL = "offline-evidence"  # how the local emulator names itself; its answers carry a warning
# By these words the service says that the schema is what it cannot take; the status is a 400 like any other.
_SCHEMA_REFUSALS = ("too many states", "schema is too complex", "schema is too large", "maximum nesting depth", "schema too deep")


class SchemaRefused(GiveUp):
    """The response schema is too complex for the service; a simpler one may pass."""

    def __init__(self, message: str) -> None:
        super().__init__("schema_too_complex", f"the model cannot be held to this schema: {message}")


@dataclass(frozen=True)
class MediaPart:
    """A span of a stored object for the model to look at and listen to; an image has no span."""

    uri: str
    mime_type: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Question:
    model: str
    prompt: str
    schema: dict[str, Any] | None  # as the provider takes it; None: any JSON
    media: MediaPart | None = None


@dataclass(frozen=True)
class Answer:
    """`text` is what the model said, not yet checked; `model` is what answered, which may differ from what was asked.

    `note` is what it said about its answer, beside it; empty for most models.
    """

    text: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    note: str = ""


def vertex_client(settings: Settings) -> Any:
    """Google's client; `GOOGLE_VERTEX_BASE_URL` sends it to another server."""
    from google import genai
    from google.genai import types

    credentials, _ = google.auth.default(scopes=_SCOPES)
    return genai.Client(
        vertexai=True,
        project=settings.project_id,
        location=settings.region,
        credentials=credentials,
        http_options=types.HttpOptions(timeout=_CALL_MILLISECONDS),
    )


class Models:
    """`pool` makes what several texts are embedded side by side in."""

    def __init__(
        self,
        settings: Settings,
        make_client: Callable[[Settings], Any] = vertex_client,
        pool: Callable[..., AbstractContextManager[Executor]] = ThreadPoolExecutor,
    ) -> None:
        self._settings = settings
        self._make_client = make_client
        self._pool = pool

    @cached_property
    def _client(self) -> Any:
        return self._make_client(self._settings)

    def generate(self, question: Question) -> Answer:
        """Raises `Throttled`, `Retry`, `SchemaRefused`, or another `GiveUp` when the model refuses or stops early."""
        from google.genai import types

        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_json_schema=question.schema, temperature=0.0
        )
        parts = [types.Part(text=question.prompt)]
        if question.media is not None:
            parts.insert(0, _media_part(question.media))
        response = self._call(
            "generate_content", model=question.model, contents=[types.Content(role="user", parts=parts)], config=config
        )
        candidate = response.candidates[0] if response.candidates else None
        note = candidate.finish_message or "" if candidate is not None else ""
        reason = candidate.finish_reason.name if candidate is not None and candidate.finish_reason else "NO_CANDIDATE"
        if reason != "STOP":
            raise _stopped(reason)
        usage = response.usage_metadata
        return Answer(
            text=response.text or "",
            model=response.model_version or question.model,
            input_tokens=(usage.prompt_token_count or 0) if usage else 0,
            output_tokens=((usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)) if usage else 0,
            note=note,
        )

    def converse(self, dialogue: Dialogue) -> Utterance:
        """One turn of a talk with tools. Raises `Throttled`, `Retry`, or `GiveUp` when the service refuses the request; a model
        that stopped early says so in `finish`."""
        return conversing.read(self._call("generate_content", **conversing.request(dialogue)), dialogue.model)

    def embed_texts(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        """One unit vector each. The model merges several contents of one call into one vector, so each is a call of its own."""
        from google.genai import types

        config = types.EmbedContentConfig(
            output_dimensionality=DIMENSIONS, task_type="RETRIEVAL_QUERY" if query else "RETRIEVAL_DOCUMENT"
        )
        model = self._settings.text_embedding_model

        def embed(text: str) -> list[float]:
            clipped = text[:_EMBED_CHARS]
            return self._vector(self._call("embed_content", model=model, contents=clipped, config=config))

        if len(texts) <= 1:
            return [embed(text) for text in texts]
        with self._pool(max_workers=_EMBED_AT_ONCE, thread_name_prefix="embed") as pool:
            return list(pool.map(embed, texts))

    def embed_picture(self, picture: bytes, mime_type: str) -> list[float]:
        """The unit vector of one picture."""
        from google.genai import types

        return self._vector(
            self._call(
                "embed_content",
                model=self._settings.image_embedding_model,
                contents=types.Part.from_bytes(data=picture, mime_type=mime_type),
                config=types.EmbedContentConfig(output_dimensionality=DIMENSIONS),
            )
        )

    def _vector(self, response: Any) -> list[float]:
        values = response.embeddings[0].values
        length = sum(v * v for v in values) ** 0.5 or 1.0  # shortened vectors of the service are not unit vectors
        return [v / length for v in values]

    def _call(self, method: str, **arguments: Any) -> Any:
        from google.genai import errors

        try:
            with tracing.span(f"models.{method}", model=arguments.get("model", "")):
                return getattr(self._client.models, method)(**arguments)
        except errors.ClientError as error:
            if error.code == 429:
                raise Throttled(10.0, "the model is throttled") from error
            if error.code == 400 and any(words in str(error.message).lower() for words in _SCHEMA_REFUSALS):
                raise SchemaRefused(str(error.message)) from error
            raise GiveUp(FailureCode.MODEL_REFUSED, f"the model refused: {error.message}") from error
        except errors.ServerError as error:
            raise Retry(f"the model answered {error.code}") from error
        except _transport_failures() as error:
            raise Retry(f"the model is out of reach: {type(error).__name__}") from error


@cache
def _transport_failures() -> tuple[type[Exception], ...]:
    """What the client's HTTP library raises; google-genai prefers httpx2 where that is installed."""
    import httpx

    with suppress(ImportError):
        import httpx2

        return (OSError, httpx.TransportError, httpx2.TransportError)
    return (OSError, httpx.TransportError)


def _media_part(media: MediaPart) -> Any:
    from google.genai import types

    span = None
    if media.start is not None and media.end is not None:
        span = types.VideoMetadata(start_offset=f"{media.start:.3f}s", end_offset=f"{media.end:.3f}s")
    return types.Part(file_data=types.FileData(file_uri=media.uri, mime_type=media.mime_type), video_metadata=span)


def _stopped(reason: str) -> GiveUp:
    if reason == "MAX_TOKENS":
        return GiveUp(FailureCode.OUTPUT_TOO_LONG, "the answer did not fit; ask for fewer or shorter fields, or shorter segments")
    if reason in ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"):
        return GiveUp(FailureCode.MODEL_BLOCKED, f"the model declined this content ({reason.lower()})")
    return GiveUp(FailureCode.MODEL_STOPPED, f"the model stopped early ({reason.lower()})", retryable=True)


@cache
def connect(settings: Settings) -> Models:
    return Models(settings)
