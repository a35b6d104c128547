"""Calls of the public API in the caller's own name: its scopes, limits and idempotency hold here because they hold there."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import ErrorCode
from shared.http.routes import PREFIX

SECONDS = 60.0
_CONNECT_SECONDS = 5.0
_TRIES = 3
_LONGEST_WAIT = 5  # seconds; who has to wait longer is told so
_CONNECTIONS = 200
_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Asked:
    """Who calls a tool, and by which request."""

    credential: Mapping[str, str] = field(repr=False)  # as headers
    request_id: str
    scopes: frozenset[str]
    traceparent: str = ""
    idempotency_key: str = ""  # of the request that carried the tool's call

    def key_for(self, tool: str, given: str = "") -> str:
        """For one call of a tool that writes: the tries of this call are one write, and two calls never are by chance.

        What names the call is the caller's argument, else the header of its request, else nothing that could come again.
        """
        if given:
            return given
        if self.idempotency_key:
            return "mcp-" + hashlib.sha256(f"{tool}:{self.idempotency_key}".encode()).hexdigest()[:40]
        return "mcp-" + secrets.token_hex(20)


@dataclass(frozen=True)
class Sending:
    """`body` goes as JSON; with `files` it goes as the fields of a form beside them."""

    method: str
    path: str  # below /api/v2, its parts encoded
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)
    key: str = ""
    seconds: float = SECONDS


class Refused(Exception):
    """The API's own words, or ours where it could not be reached."""

    def __init__(self, code: str, message: str, *, details: Any = None, retry_after: int = 0, request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
        self.retry_after = retry_after
        self.request_id = request_id

    @property
    def cure(self) -> str:
        known = ErrorCode.__members__.get(self.code.upper())
        return known.cure if known else ""


class Api:
    """One client with its connections; lives in the event loop it was made in."""

    def __init__(self, base_url: str, transport: Any = None) -> None:
        import httpx2  # only where a tool is called

        self._failures = httpx2.TransportError
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/") + PREFIX,
            transport=transport,
            timeout=httpx2.Timeout(SECONDS, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=32, keepalive_expiry=20),
            headers={"User-Agent": "videovector-functions-mcp", "Accept": "application/json"},
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, asked: Asked, sending: Sending) -> Any:
        """What a success carries. Raises `Refused`. Tried again only where that cannot do anything twice."""
        repeatable = sending.method == "GET" or bool(sending.key)
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES or not repeatable
            try:
                response = await self._once(asked, sending)
            except self._failures as error:
                if last:
                    raise Refused("unavailable", f"the API did not answer ({type(error).__name__})") from error
                await asyncio.sleep(0.1 * attempt)
                continue
            if response.status_code < 300:
                return _json(response)
            refused = _refused(response)
            if last or response.status_code not in _AGAIN or refused.retry_after > _LONGEST_WAIT:
                raise refused
            await asyncio.sleep(refused.retry_after or 0.2 * attempt)
        raise AssertionError("the last try answers or raises")

    async def _once(self, asked: Asked, sending: Sending) -> Any:
        headers = {**asked.credential, "X-Request-Id": asked.request_id}
        if asked.traceparent:
            headers["traceparent"] = asked.traceparent
        if sending.key:
            headers["Idempotency-Key"] = sending.key
        options: dict[str, Any] = {"headers": headers, "params": _query(sending.query), "timeout": sending.seconds}
        if sending.files:
            options |= {"data": dict(sending.body or {}), "files": dict(sending.files)}
        elif sending.body is not None:
            options["content"] = json.dumps(sending.body, ensure_ascii=False).encode("utf-8", "surrogatepass")
            headers["Content-Type"] = "application/json"
        return await self._client.request(sending.method, sending.path, **options)

    async def aclose(self) -> None:
        await self._client.aclose()


def _query(values: Mapping[str, Any]) -> dict[str, Any]:
    """Booleans as the API writes them; a list is a repeated key."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise Refused("upstream_failed", "the API answered something that is not JSON") from error


def _refused(response: Any) -> Refused:
    after = response.headers.get("Retry-After", "")
    try:
        said = response.json()["error"]
        return Refused(
            str(said["code"]),
            str(said["message"]),
            details=said.get("details"),
            retry_after=int(after) if after.isdecimal() else 0,
            request_id=str(said.get("request_id", "")),
        )
    except (ValueError, KeyError, TypeError):
        return Refused("upstream_failed", f"the API answered {response.status_code} without saying why")
