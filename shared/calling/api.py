"""Calling the public API with the caller's own credential, so that its scopes, limits, tenants and retries hold by themselves.

`PublicApi` is the process's connection; `as_caller` makes of it what one request of one caller may use. Every refusal of the API
is raised as it was answered.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import urllib3

from shared import tracing
from shared.config import Settings
from shared.domain.errors import ApiError, ErrorCode
from shared.http.call import Call
from shared.http.request import UploadedFile
from shared.http.routes import PREFIX

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 280.0  # the longest call, an upload, has 300 s
_PIECE = 256 * 1024
_CODES = {code.code: code for code in ErrorCode}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends one request to the API; `target` is the path from the root with its query. Raises `ApiError` where nobody answers."""

    def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None
    ) -> Answered: ...


class OverHttp:
    """The API at its base address."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=16, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        )

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None) -> Answered:
        try:
            answer = self._pool.request(
                method, self._base_url + target, body=body, headers=dict(headers), redirect=False, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(ErrorCode.UNAVAILABLE, "the API cannot be reached from here right now", retry_after=1) from error
        return Answered(answer.status, answer.headers, answer.data)


class PublicApi:
    """`forwarded`: whether a gateway before us moves the caller's `Authorization` aside."""

    def __init__(self, transport: Transport, *, forwarded: bool = False) -> None:
        self._transport = transport
        self._forwarded = forwarded

    def as_caller(self, call: Call[Any]) -> "Calls":
        headers = {"X-Request-Id": call.request_id}
        sent = call.request.headers
        if "X-API-Key" in sent:
            headers["X-API-Key"] = sent.get("X-API-Key")
        else:
            moved = sent.get("X-Forwarded-Authorization") if self._forwarded else ""
            headers["Authorization"] = moved or sent.get("Authorization")
        return Calls(self._transport, headers, call.seed)


class Calls:
    """What one request does. Where it carries an Idempotency-Key, so does each change made for it, derived from it and from
    `step`, which names the change within the request."""

    def __init__(self, transport: Transport, headers: Mapping[str, str], seed: str) -> None:
        self._transport = transport
        self._headers = dict(headers)
        if trace := tracing.traceparent():
            self._headers["traceparent"] = trace
        self._seed = seed

    def get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, step: str = "", **query: Any) -> Any:
        if body is None:
            return self._send("POST", path, query=query, step=step)
        content = json.dumps(body).encode()
        return self._send("POST", path, content, {"Content-Type": "application/json"}, query=query, step=step)

    def upload(self, path: str, fields: Mapping[str, str], file: UploadedFile, *, step: str) -> Any:
        """One multipart request; the file passes through in pieces."""
        boundary = hashlib.sha256(f"{self._seed}{file.sha256}".encode()).hexdigest()
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
        )
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(file.filename)}"\r\n'
            f"Content-Type: {_one_line(file.content_type) or 'application/octet-stream'}\r\n\r\n"
        )
        tail = f"\r\n--{boundary}--\r\n"
        length = len(head.encode()) + file.size + len(tail.encode())
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
        return self._send("POST", path, _pieces(head.encode(), file, tail.encode()), headers, step=step)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        step: str = "",
    ) -> Any:
        sent = {**self._headers, **(headers or {})}
        if step and self._seed:
            sent["Idempotency-Key"] = hashlib.sha256(f"{self._seed}/{step}".encode()).hexdigest()
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        target = PREFIX + path + (f"?{urlencode(given)}" if given else "")
        answer = self._transport(method, target, sent, body)
        try:
            said = json.loads(answer.body)
        except ValueError as error:
            raise ApiError(ErrorCode.UPSTREAM_FAILED, f"the API answered {answer.status} without JSON") from error
        if answer.status >= 400:
            raise _refusal(answer, said)
        return said


def segment(value: str) -> str:
    """An id of the caller's as one segment of a path."""
    return quote(value, safe="")


def _refusal(answer: Answered, said: Any) -> ApiError:
    """The API's own error, to be answered as it is."""
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return ApiError(ErrorCode.UPSTREAM_FAILED, f"the API answered {answer.status}")
    code = _CODES.get(str(error.get("code")), ErrorCode.UPSTREAM_FAILED)
    after = answer.headers.get("Retry-After", "")
    return ApiError(
        code,
        str(error.get("message", "")),
        details=error.get("details") or {},
        retry_after=int(after) if after.isdecimal() else None,
    )


def _pieces(head: bytes, file: UploadedFile, tail: bytes) -> Iterator[bytes]:
    yield head
    file.stream.seek(0)
    while piece := file.stream.read(_PIECE):
        yield piece
    yield tail


def _quoted(name: str) -> str:
    """As browsers write file names in a form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


@cache
def connect(settings: Settings) -> PublicApi:
    """The process's one."""
    return PublicApi(OverHttp(settings.api_base_url), forwarded=bool(settings.forwarded_authorization))
