"""What a `generateContent` request asks: words, pieces of media, and the shape the answer must have."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from emulators.vertex.generate.refusals import Refusal

MAX_PARTS = 3000
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
    """Raises `Refusal` (400) for what production refuses too, so that a wrong request is found out here."""
    if not isinstance(body, dict):
        raise Refusal(400, "The request body must be a JSON object.")
    config = _object(body.get("generationConfig") or body.get("generation_config") or {}, "generationConfig")
    texts, media = _parts(body.get("contents"))
    system, _ = _parts([body["systemInstruction"]]) if body.get("systemInstruction") else ([], [])
    mime = config.get("responseMimeType", "text/plain")
    schema = _schema(config)
    if mime not in ("text/plain", "application/json", "text/x.enum"):
        raise Refusal(400, f"Unsupported responseMimeType: {mime}")
    if schema is not None and mime == "text/plain":
        raise Refusal(400, "responseMimeType must be application/json when a response schema is set.")
    tokens = config.get("maxOutputTokens")
    if tokens is not None and (not isinstance(tokens, int) or tokens < 1):
        raise Refusal(400, "maxOutputTokens must be a positive integer.")
    return Question(
        model, "\n".join(system), tuple(texts), tuple(media), schema, mime != "text/plain", tokens, body
    )


def _schema(config: dict) -> dict | None:
    json_schema, open_api = config.get("responseJsonSchema"), config.get("responseSchema")
    if json_schema is not None and open_api is not None:
        raise Refusal(400, "Only one of responseSchema and responseJsonSchema may be set.")
    schema = json_schema if json_schema is not None else open_api
    if schema is not None and not isinstance(schema, dict):
        raise Refusal(400, "The response schema must be an object.")
    return schema


def _object(value: Any, name: str) -> dict:
    if not isinstance(value, dict):
        raise Refusal(400, f"{name} must be an object.")
    return value


def _parts(contents: Any) -> tuple[list[str], list[MediaPart]]:
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise Refusal(400, "contents must hold at least one entry.")
    texts: list[str] = []
    media: list[MediaPart] = []
    for content in contents:
        role = _object(content, "contents").get("role", "user")
        if role not in ("user", "model", "system", "function"):
            raise Refusal(400, "Please use a valid role: user, model.")
        parts = content.get("parts")
        if not isinstance(parts, list) or not parts:
            raise Refusal(400, "Unable to submit request because it must include at least one parts field.")
        if len(parts) > MAX_PARTS:
            raise Refusal(400, f"A content holds at most {MAX_PARTS} parts.")
        for part in parts:
            _take_part(_object(part, "part"), texts, media)
    return texts, media


def _take_part(part: dict, texts: list[str], media: list[MediaPart]) -> None:
    if isinstance(part.get("text"), str):
        texts.append(part["text"])
        return
    start, end = _clip(part.get("videoMetadata") or {})
    if "fileData" in part:
        file = _object(part["fileData"], "fileData")
        uri, mime = file.get("fileUri"), file.get("mimeType")
        if not isinstance(uri, str) or not uri.startswith("gs://"):
            raise Refusal(400, "fileData.fileUri must be a gs:// address.")
        if not isinstance(mime, str) or "/" not in mime:
            raise Refusal(400, "fileData.mimeType is required.")
        media.append(MediaPart(uri, None, mime, start, end))
    elif "inlineData" in part:
        blob = _object(part["inlineData"], "inlineData")
        media.append(MediaPart(None, _decoded(blob.get("data")), str(blob.get("mimeType", "")), start, end))
    elif "functionResponse" in part or "functionCall" in part:
        answer = part.get("functionResponse") or part.get("functionCall")
        texts.append(str(answer))
    else:
        raise Refusal(400, "A part must hold text, fileData or inlineData.")


def _decoded(data: Any) -> bytes:
    if not isinstance(data, str):
        raise Refusal(400, "inlineData.data must be base64 text.")
    try:  # clients send either alphabet
        return base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "inlineData.data is not valid base64.") from None


def _clip(metadata: Any) -> tuple[float, float | None]:
    if not isinstance(metadata, dict):
        raise Refusal(400, "videoMetadata must be an object.")
    start = _seconds(metadata.get("startOffset"), "startOffset") or 0.0
    end = _seconds(metadata.get("endOffset"), "endOffset")
    if end is not None and end <= start:
        raise Refusal(400, "videoMetadata.endOffset must be after startOffset.")
    return start, end


def _seconds(value: Any, name: str) -> float | None:
    """A protobuf Duration in JSON: `"12.5s"`."""
    if value is None:
        return None
    found = _OFFSET.match(value) if isinstance(value, str) else None
    if found is None:
        raise Refusal(400, f"videoMetadata.{name} must be a duration such as \"12.5s\".")
    return float(found.group(1))
