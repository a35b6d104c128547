"""Passing questions on to a model of the user's own: Gemini by API key, or any server that speaks OpenAI's wire.

Media is cut to the stretch asked about and sent along as bytes; nothing else of the file leaves this machine.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from emulators.vertex.answers import ApiError, invalid
from emulators.vertex.generate.clip import ClipTooLong, film_clip, picture_clip, sound_clip
from emulators.vertex.generate.fill import senses_for
from emulators.vertex.generate.match import Place
from emulators.vertex.generate.question import Question
from emulators.vertex.generate.reply import answer as answer_from_evidence
from emulators.vertex.generate.reply import tokens_of
from emulators.vertex.generate.shape import read_shape
from emulators.vertex.generate.witness import Stretch, Witness
from shared.media.opener import UnreadableMedia
from shared.media.pictures import pictures_at, thumbnail

GEMINI = "https://generativelanguage.googleapis.com"
MAX_FRAMES = 8
FRAME_SIDE = 640
_SECONDS = 300.0
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


class Model(Protocol):
    """Something that answers questions in place of the senses."""

    def answer(self, question: Question, witness: Witness) -> dict[str, Any]:
        """A GenerateContentResponse; raises `ApiError` with what the other side refused."""


def chosen_model(environment: Mapping[str, str]) -> Model | None:
    """The user's own model by `GEMINI_API_KEY` or `OPENAI_BASE_URL`; None where neither is set."""
    if key := environment.get("GEMINI_API_KEY"):
        return GeminiModel(key, environment.get("GOOGLE_GEMINI_BASE_URL") or GEMINI)
    if base := environment.get("OPENAI_BASE_URL"):
        return OpenAiModel(base, environment.get("OPENAI_API_KEY", ""), environment.get("OPENAI_MODEL", ""))
    return None


@dataclass(frozen=True)
class GeminiModel:
    """The Gemini Developer API. It cannot read our buckets, so each stretch goes inline, small enough for one request."""

    key: str
    base_url: str

    def answer(self, question: Question, witness: Witness) -> dict[str, Any]:
        body = {name: value for name, value in question.body.items() if name not in ("contents", "labels")}
        texts = [{"text": text} for text in question.texts]
        clips = [{"inlineData": {"mimeType": mime, "data": _base64(data)}} for data, mime in map(_clip, witness.stretches)]
        where = [{"text": _where(stretch)} for stretch in witness.stretches if not stretch.is_image]
        body["contents"] = [{"role": "user", "parts": [*clips, *where, *texts]}]
        url = f"{self.base_url.rstrip('/')}/v1beta/models/{question.model}:generateContent"
        response = _post(url, body, {"x-goog-api-key": self.key})
        if response.status_code != 200:
            raise ApiError(response.status_code, _said(response))
        return _json(response)

    def converse(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        """A talk with tools goes as it came, signatures and all: it holds words alone."""
        passed = {name: value for name, value in body.items() if name != "labels"}
        url = f"{self.base_url.rstrip('/')}/v1beta/models/{model}:generateContent"
        response = _post(url, passed, {"x-goog-api-key": self.key})
        if response.status_code != 200:
            raise ApiError(response.status_code, _said(response))
        return _json(response)


@dataclass(frozen=True)
class OpenAiModel:
    """A vision model behind `/chat/completions`. It sees frames and reads what this machine heard, as it has no ears;
    questions about sound alone are answered from evidence."""

    base_url: str
    key: str
    model: str

    def answer(self, question: Question, witness: Witness) -> dict[str, Any]:
        if witness.has_media and _asks_ears_only(question):
            return answer_from_evidence(question, witness)
        parts: list[dict[str, Any]] = [{"type": "text", "text": text} for text in question.texts]
        parts += [{"type": "text", "text": _where(stretch)} for stretch in witness.stretches if not stretch.is_image]
        if witness.has_media:
            parts.append({"type": "text", "text": _heard(witness)})
        parts += [{"type": "image_url", "image_url": {"url": url}} for one in witness.stretches for url in _frames(one)]
        messages = [{"role": "system", "content": question.system}] if question.system else []
        body: dict[str, Any] = {"model": self._name(), "messages": [*messages, {"role": "user", "content": parts}]}
        if question.max_output_tokens is not None:
            body["max_tokens"] = question.max_output_tokens
        if question.schema is not None:
            shape = {"name": "answer", "schema": question.schema, "strict": False}
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        elif question.wants_json:
            body["response_format"] = {"type": "json_object"}
        response = _post(f"{self.base_url.rstrip('/')}/chat/completions", body, self._headers())
        if response.status_code != 200:
            raise _refused(response)
        return _as_gemini(_json(response), question)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _name(self) -> str:
        """The model named by the user, else the first one the server offers."""
        if self.model:
            return self.model
        try:
            response = httpx.get(f"{self.base_url.rstrip('/')}/models", headers=self._headers(), timeout=30)
            return str(response.json()["data"][0]["id"])
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            raise ApiError(503, "The model server does not tell which models it has; set OPENAI_MODEL.") from None


def _asks_ears_only(question: Question) -> bool:
    return question.schema is not None and senses_for(Place((), read_shape(question.schema))) == {"hearing"}


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    try:
        return httpx.post(url, json=body, headers=headers, timeout=_SECONDS)
    except httpx.TimeoutException:
        raise ApiError(504, "The model did not answer in time.") from None
    except httpx.HTTPError as error:
        raise ApiError(503, f"The model cannot be reached: {type(error).__name__}.") from None


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(503, "The model's server answered something that is not a JSON object.")
    return body


def _refused(response: httpx.Response) -> ApiError:
    """Their status in Google's terms: throttling, a wrong credential and a wrong request stay what they are."""
    status = response.status_code
    known = status if status in (400, 401, 403, 404, 429) else 400 if 400 <= status < 500 else 503
    return ApiError(known, _said(response))


def _said(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:2000]
    except (ValueError, LookupError, TypeError):
        return f"The model answered {response.status_code}."


def _as_gemini(reply: dict[str, Any], question: Question) -> dict[str, Any]:
    try:
        choice = reply["choices"][0]
        text = choice["message"].get("content") or ""
    except (LookupError, TypeError, AttributeError):
        raise ApiError(503, "The model's server answered without a choice.") from None
    usage = reply.get("usage") or {}
    asked = usage.get("prompt_tokens") or tokens_of(question.words)
    said = usage.get("completion_tokens") or tokens_of(text)
    return {
        "candidates": [
            {
                "index": 0,
                "content": {"role": "model", "parts": [{"text": _unfenced(text) if question.wants_json else text}]},
                "finishReason": _FINISH.get(choice.get("finish_reason") or "stop", "OTHER"),
            }
        ],
        "usageMetadata": {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said},
        "modelVersion": str(reply.get("model") or question.model),
    }


def _unfenced(text: str) -> str:
    """The JSON without the code fence that some models put round it."""
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```") and "\n" in stripped:
        return stripped[stripped.index("\n") + 1 : -3].strip()
    return text


def _clip(stretch: Stretch) -> tuple[bytes, str]:
    start, end = stretch.span
    try:
        if stretch.is_image:
            return picture_clip(stretch.open())
        return film_clip(stretch.open, start, end) if stretch.has_video else sound_clip(stretch.open(), start, end)
    except UnreadableMedia as damage:
        raise invalid(f"Unable to process input media: {damage.message}") from None
    except ClipTooLong as too_long:
        raise invalid(str(too_long)) from None


def _where(stretch: Stretch) -> str:
    """A clip begins at its own zero; a model asked for times of the whole has to be told."""
    start, end = stretch.span
    return f"This clip is the stretch from {start:.3f} s to {end:.3f} s of the media; its first moment is at {start:.3f} s."


def _heard(witness: Witness) -> str:
    hearing = witness.hearing
    if hearing is None or not hearing.utterances:
        return "No speech was heard in it."
    lines = "\n".join(f"[{one.start:.2f}-{one.end:.2f} s] {one.text}" for one in hearing.utterances)
    return f"Speech heard in it (from a {hearing.source}, may hold mistakes), times in seconds of the media:\n{lines}"


def _frames(stretch: Stretch) -> list[str]:
    """Pictures of a stretch, evenly spread, as data addresses."""
    if not stretch.has_video:
        return []
    if stretch.is_image:
        return [f"data:image/jpeg;base64,{_base64(_clip(stretch)[0])}"]
    start, end = stretch.span
    count = max(1, min(MAX_FRAMES, round(end - start)))
    times = [start + (end - start) * (index + 0.5) / count for index in range(count)]
    try:
        pictures = pictures_at(stretch.open(), times, FRAME_SIDE)
    except UnreadableMedia as damage:
        raise invalid(f"Unable to process input media: {damage.message}") from None
    return [f"data:image/jpeg;base64,{_base64(thumbnail(one))}" for one in pictures if one is not None]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
