"""Reading what was sent: JSON, multipart and the query string, each within limits and into the route's models."""

import hashlib
import io
import json
import math
import tempfile
from functools import cache
from typing import Any, BinaryIO, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.http.errors import validation_error
from shared.http.request import Request, UploadedFile

_SPOOLED_BYTES = 1024 * 1024
_MAX_PARTS = 100
_MAX_FIELD_BYTES = 1024 * 1024
_MAX_QUERY_FIELDS = 300


def _malformed(message: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_REQUEST, message)


def _too_large(limit: int) -> ApiError:
    return ApiError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"the body is larger than {limit} bytes; large media go through POST /api/v2/videos/upload-session",
        details={"limit_bytes": limit},
    )


_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-32", "iso-8859-1", "latin-1"})


def read_json(request: Request, limit: int) -> Any:
    """The decoded body; `{}` for none and for null, so that an empty POST is the same as one of `{}`."""
    raw = read_raw(request, limit)
    if not raw.strip():
        return {}
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"send application/json, not {kind[:80]}")
    charset = options.get("charset", "utf-8").lower()
    if charset not in _CHARSETS:
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"send JSON as utf-8, not {charset[:40]}")
    try:
        text = raw.decode(charset)
    except UnicodeError as error:
        raise _malformed("the body is not text of its charset") from error
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant, parse_float=_finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text that could be stored
    except (ValueError, RecursionError) as error:
        raise _malformed("the body is not valid JSON") from error
    if "\\u0000" in text:
        _refuse_nul(value)
    return {} if value is None else value


def _refuse_nul(sent: Any) -> None:
    """422 for a NUL character in any text: what is stored has to be text that every reader takes."""
    todo = [("", sent)]
    while todo:
        path, value = todo.pop()
        below = f"{path}." if path else ""
        if isinstance(value, dict):
            if any("\0" in name for name in value):
                raise invalid(path or "body", "a field's name must not contain NUL characters")
            todo += ((f"{below}{name}", one) for name, one in value.items())
        elif isinstance(value, list):
            todo += ((f"{below}{n}", one) for n, one in enumerate(value))
        elif isinstance(value, str) and "\0" in value:
            raise invalid(path or "body", "must not contain NUL characters")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number


def read_raw(request: Request, limit: int) -> bytes:
    """The whole body as it was sent; 413 for more than `limit` bytes."""
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    if request.body is None or request.content_length == 0:
        return b""
    parts, size = [], 0
    while size <= limit:
        part = request.body.read(min(limit + 1 - size, 64 * 1024))
        if not part:
            break
        parts.append(part)
        size += len(part)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


def check(model: type[BaseModel], value: Any) -> Any:
    """The model's instance, or 422 naming each field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise validation_error(error, "body") from error


def check_json(model: type[BaseModel], value: Any) -> Any:
    """The same for a JSON body, whose types count: "30" is no number there, as it is in a query, which knows text alone."""
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise validation_error(error, "body") from error


@cache
def _list_fields(model: type[BaseModel]) -> frozenset[str]:
    """Names under which the field is sent, for those that take several values."""
    return frozenset(
        f.alias or name
        for name, f in model.model_fields.items()
        if any(get_origin(kind) is list for kind in (f.annotation, *get_args(f.annotation)))
    )


def read_query(model: type[BaseModel], query_string: str) -> Any:
    """Repeated keys make a list where the field is one; elsewhere the last value counts."""
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError as error:
        raise _malformed("the query string is not valid") from error
    return check(model, _gather(model, pairs))


def _gather(model: type[BaseModel], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    lists = _list_fields(model)
    for name, value in pairs:
        _refuse_nul({name: value})
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values


class Multipart:
    """The parts of one request: text fields as sent, files spooled to disk and hashed while they arrive."""

    def __init__(self, fields: list[tuple[str, str]], files: list[UploadedFile]) -> None:
        self.fields = fields
        self.files = files

    def form(self, model: type[BaseModel]) -> Any:
        _refuse_nul({file.field: file.filename for file in self.files})
        return check(model, _gather(model, self.fields))

    def fingerprint(self) -> Any:
        """Names, values, file names and contents; the boundary differs between tries and does not count."""
        return {
            "fields": [list(pair) for pair in self.fields],
            "files": [[f.field, f.filename, f.sha256] for f in self.files],
        }


class _HashingFile(io.RawIOBase):
    """A spooled file that knows the digest of what was written to it."""

    def __init__(self) -> None:
        self.stored = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115 - closed by the app
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self.stored.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.stored.seek(offset, whence)


class _Capped:
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._limit)
        return data


def read_multipart(request: Request, limit: int) -> Multipart:
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    if kind != "multipart/form-data":
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "send multipart/form-data")
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    made: list[_HashingFile] = []

    def spool(
        total_content_length: int | None, content_type: str | None, filename: str | None, content_length: int | None = None
    ) -> Any:
        made.append(_HashingFile())
        return made[-1]

    parser = FormDataParser(stream_factory=spool, max_form_memory_size=_MAX_FIELD_BYTES, max_form_parts=_MAX_PARTS, silent=False)
    stream: Any = _Capped(request.body or io.BytesIO(), limit)
    try:
        _, form, files = parser.parse(stream, kind, request.content_length, options)
        return Multipart(list(form.items(multi=True)), [_uploaded(one) for _, one in files.items(multi=True)])
    except BaseException as error:
        for one in made:
            one.stored.close()
        if isinstance(error, RequestEntityTooLarge):
            raise _too_large(_MAX_FIELD_BYTES) from error
        if isinstance(error, ValueError):
            raise _malformed("the multipart body is not valid") from error
        raise


def _uploaded(part: FileStorage) -> UploadedFile:
    spooled: Any = part.stream
    return UploadedFile(
        field=part.name or "",
        filename=part.filename or "",
        content_type=part.content_type or "",
        stream=spooled.stored,
        size=spooled.size,
        sha256=spooled.digest.hexdigest(),
    )
