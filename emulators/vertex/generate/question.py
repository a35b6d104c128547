"""What a `generateContent` request asks: words, pieces of media, and the shape the answer must have."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from emulators.vertex.answers import ApiError

MAX_PARTS = 3000
_CAPITAL = re.compile(r"[A-Z]")
_OFFSET = re.compile(r"^(\d+(?:\.\d+)?)s$")


@dataclass(frozen=True)
class MediaPart:
    """A stretch of media; `end` is None for "to the end", times are seconds from the start of the file."""

    uri: str | None
    data: bytes | None
    mime_type: str
    start: float
    end: float | None


@dataclass(frozen=True)
class Question:
    """One request, checked; `schema` is JSON Schema however it was sent."""

    model: str
    system: str
    texts: tuple[str, ...]
    media: tuple[MediaPart, ...]
    schema: dict | None
    wants_json: bool
    max_output_tokens: int | None
    body: dict

    @property
    def words(self) -> str:
        return "\n".join(self.texts)


def read_question(model: str, body: Any) -> Question:
    """Raises `ApiError` (400) for what production refuses too, so that a wrong request is found out here."""
    if not isinstance(body, dict):
        raise ApiError(400, "The request body must be a JSON object.")
    config = _object(_pick(body, "generationConfig") or {}, "generationConfig")
    texts, media = _parts(body.get("contents"))
    instruction = _pick(body, "systemInstruction")
    system, _ = _parts([instruction]) if instruction else ([], [])
    mime = _pick(config, "responseMimeType") or "text/plain"
    schema = _schema(config)
    if mime not in ("text/plain", "application/json", "text/x.enum"):
        raise ApiError(400, f"Unsupported responseMimeType: {mime}")
    if schema is not None and mime == "text/plain":
        raise ApiError(400, "responseMimeType must be application/json when a response schema is set.")
    tokens = _pick(config, "maxOutputTokens")
    if tokens is not None and (not isinstance(tokens, int) or tokens < 1):
        raise ApiError(400, "maxOutputTokens must be a positive integer.")
    return Question(model, "\n".join(system), tuple(texts), tuple(media), schema, mime != "text/plain", tokens, body)


def _schema(config: dict) -> dict | None:
    json_schema, open_api = _pick(config, "responseJsonSchema"), _pick(config, "responseSchema")
    if json_schema is not None and open_api is not None:
        raise ApiError(400, "Only one of responseSchema and responseJsonSchema may be set.")
    schema = json_schema if json_schema is not None else open_api
    if schema is not None and not isinstance(schema, dict):
        raise ApiError(400, "The response schema must be an object.")
    return schema


def _pick(message: dict, name: str) -> Any:
    """A field under its JSON name or its proto name: Google's services take both, and its client sends a mixture."""
    value = message.get(name)
    return message.get(_CAPITAL.sub(lambda found: f"_{found.group().lower()}", name)) if value is None else value


def _object(value: Any, name: str) -> dict:
    if not isinstance(value, dict):
        raise ApiError(400, f"{name} must be an object.")
    return value


def _parts(contents: Any) -> tuple[list[str], list[MediaPart]]:
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise ApiError(400, "contents must hold at least one entry.")
    texts: list[str] = []
    media: list[MediaPart] = []
    for content in contents:
        role = _object(content, "contents").get("role", "user")
        if role not in ("user", "model", "system", "function"):
            raise ApiError(400, "Please use a valid role: user, model.")
        parts = content.get("parts")
        if not isinstance(parts, list) or not parts:
            raise ApiError(400, "Unable to submit request because it must include at least one parts field.")
        if len(parts) > MAX_PARTS:
            raise ApiError(400, f"A content holds at most {MAX_PARTS} parts.")
        for part in parts:
            _take_part(_object(part, "part"), texts, media)
    return texts, media


def _take_part(part: dict, texts: list[str], media: list[MediaPart]) -> None:
    if isinstance(part.get("text"), str):
        texts.append(part["text"])
        return
    start, end = _clip(_pick(part, "videoMetadata") or {})
    file, blob = _pick(part, "fileData"), _pick(part, "inlineData")
    if file is not None:
        uri, mime = _pick(_object(file, "fileData"), "fileUri"), _pick(file, "mimeType")
        if not isinstance(uri, str) or not uri.startswith("gs://"):
            raise ApiError(400, "fileData.fileUri must be a gs:// address.")
        if not isinstance(mime, str) or "/" not in mime:
            raise ApiError(400, "fileData.mimeType is required.")
        media.append(MediaPart(uri, None, mime, start, end))
    elif blob is not None:
        mime = _pick(_object(blob, "inlineData"), "mimeType")
        media.append(MediaPart(None, _decoded(blob.get("data")), str(mime or ""), start, end))
    else:
        raise ApiError(400, "A part must hold text, fileData or inlineData.")


def _decoded(data: Any) -> bytes:
    if not isinstance(data, str):
        raise ApiError(400, "inlineData.data must be base64 text.")
    try:  # clients send either alphabet
        return base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(400, "inlineData.data is not valid base64.") from None


def _clip(metadata: Any) -> tuple[float, float | None]:
    if not isinstance(metadata, dict):
        raise ApiError(400, "videoMetadata must be an object.")
    start = _seconds(_pick(metadata, "startOffset"), "startOffset") or 0.0
    end = _seconds(_pick(metadata, "endOffset"), "endOffset")
    if end is not None and end <= start:
        raise ApiError(400, "videoMetadata.endOffset must be after startOffset.")
    return start, end


def _seconds(value: Any, name: str) -> float | None:
    """A protobuf Duration in JSON: `"12.5s"`."""
    if value is None:
        return None
    found = _OFFSET.match(value) if isinstance(value, str) else None
    if found is None:
        raise ApiError(400, f'videoMetadata.{name} must be a duration such as "12.5s".')
    return float(found.group(1))
