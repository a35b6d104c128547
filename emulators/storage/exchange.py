"""One HTTP exchange: the request taken apart once, bodies streamed in, files streamed out."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulators.faults import Fault, Faults

from .errors import invalid, range_not_satisfiable

BLOCK = 1 << 20
DRAIN_LIMIT = 64 << 20
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class Call:
    """A request without its body. Paths are split before they are decoded, so a name may hold any character."""

    method: str
    raw_path: str
    pairs: list[tuple[str, str]]
    headers: Mapping[str, str]
    segments: list[str] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str]) -> "Call":
        path, _, query = target.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100, errors="strict")
            segments = [unquote(part, errors="strict") for part in path[1:].split("/")]
        except ValueError as wrong:
            raise invalid(f"The address is not readable: {wrong}") from wrong
        return cls(method, path, pairs, headers, segments, dict(pairs))

    @classmethod
    def from_scope(cls, scope: Scope) -> "Call":
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        target = scope["raw_path"].decode("latin-1") + "?" + scope["query_string"].decode("latin-1")
        return cls.of(scope["method"], target, headers)

    @property
    def base(self) -> str:
        return f"http://{self.headers.get('host', '127.0.0.1')}"

    @property
    def origin(self) -> str | None:
        return self.headers.get("origin")

    def number(self, name: str) -> int | None:
        """A numeric parameter, or None if it was not given."""
        text = self.query.get(name)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 19:
            raise invalid(f"{name} must be a number.")
        return int(text)


class Body:
    """The request's bytes as they arrive."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._more = False
                raise ClientDisconnect()
            self._more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def read(self, limit: int) -> bytes:
        """All of it; 400 beyond `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for block in self:
            size += len(block)
            if size > limit:
                raise invalid(f"The body is larger than {limit} bytes.", "EntityTooLarge")
            parts.append(block)
        return b"".join(parts)

    async def into(self, write: Callable[[bytes], None]) -> None:
        """Hands on blocks of about 1 MiB; one is written while the next arrives, and never more than that waits."""
        await pump(self, write)

    async def drain(self) -> None:
        """Lets a refused sender finish, so that it reads the refusal instead of a broken pipe; gives up at 64 MiB."""
        seen = 0
        async for block in self:
            seen += len(block)
            if seen > DRAIN_LIMIT:
                return


async def pump(blocks: AsyncIterable[bytes], write: Callable[[bytes], None]) -> None:
    """Joins small blocks and writes them in a thread, in order, one at a time."""
    parts: list[bytes] = []
    size = 0
    writing: asyncio.Task[None] | None = None
    try:
        async for block in blocks:
            parts.append(block)
            size += len(block)
            if size >= BLOCK:
                if writing is not None:
                    await writing
                writing = asyncio.create_task(run_in_threadpool(write, b"".join(parts)))
                parts, size = [], 0
    finally:
        if writing is not None:
            await writing
    if parts:
        await run_in_threadpool(write, b"".join(parts))


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer, or one without a body."""
    said = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", **(headers or {})}
    if body is None:
        return Response(status_code=status, headers=said)
    content = json.dumps(body, separators=(",", ":")).encode()
    return Response(content, status, said, media_type="application/json; charset=UTF-8")


@dataclass(frozen=True)
class Extent:
    """The bytes of a file to send: `length` of them from `start`."""

    start: int
    length: int
    partial: bool


def extent(header: str | None, size: int) -> Extent:
    """Reads a `Range` of one span; several spans, or what is no range, mean the whole, as in production."""
    match = RANGE.fullmatch((header or "").strip())
    if match is None or not (match[1] or match[2]):
        return Extent(0, size, False)
    if not match[1]:
        length = min(int(match[2]), size)
        if length == 0:
            raise range_not_satisfiable(size)
        return Extent(size - length, length, True)
    start, end = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and end < start:
        return Extent(0, size, False)
    if start >= size:
        raise range_not_satisfiable(size)
    return Extent(start, min(end, size - 1) - start + 1, True)


class FileAnswer:
    """Streams part of a file; it owns the file and closes it. `cut` breaks the connection after so many bytes."""

    def __init__(self, file: BinaryIO, size: int, span: Extent, headers: Mapping[str, str], with_body: bool = True) -> None:
        self.headers = dict(headers)
        self.cut: int | None = None
        self._file = file
        self._span = span
        self._with_body = with_body
        self._status = 206 if span.partial else 200
        self.headers["Content-Length"] = str(span.length)
        self.headers["Accept-Ranges"] = "bytes"
        if span.partial:
            last = span.start + span.length - 1
            self.headers["Content-Range"] = f"bytes {span.start}-{last}/{size}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
            await send({"type": "http.response.start", "status": self._status, "headers": raw})
            remaining = self._span.length if self._with_body else 0
            if self.cut is not None:
                remaining = min(remaining, self.cut)
            await run_in_threadpool(self._file.seek, self._span.start)
            while remaining > 0:
                block = await run_in_threadpool(self._file.read, min(BLOCK, remaining))
                if not block:
                    return  # shorter than its row says: the server breaks the connection rather than lie
                remaining -= len(block)
                await send({"type": "http.response.body", "body": block, "more_body": True})
            if self.cut is None:
                await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def passing(faults: Faults, operation: str) -> AsyncIterator[Fault | None]:
    """`Faults.around` without holding up the event loop while it stalls."""
    door = faults.around(operation)
    fault = await run_in_threadpool(door.__enter__)
    try:
        yield fault
    except BaseException:
        if not door.__exit__(*sys.exc_info()):
            raise
    else:
        door.__exit__(None, None, None)
