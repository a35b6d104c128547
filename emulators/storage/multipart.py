"""Reads the two multipart forms of the JSON API: `related` (metadata, then media, streamed) and `mixed` (a batch)."""

import json
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP

from .errors import Resource, invalid

BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
MAX_HEAD = 1 << 20


def boundary_of(content_type: str) -> bytes:
    match = BOUNDARY.search(content_type)
    if match is None:
        raise invalid("A multipart body needs a boundary in its content type.")
    return match[1].strip().encode("latin-1")


class Related:
    """Metadata first, then the media as it streams by."""

    def __init__(self, blocks: AsyncIterable[bytes], boundary: bytes) -> None:
        self._blocks = aiter(blocks)
        self._mark = b"--" + boundary
        self._held = b""
        self.media_type: str | None = None

    async def metadata(self) -> Resource:
        """The first part; afterwards the stream stands at the first byte of the media."""
        await self._until(self._mark)
        _ = await self._until(b"\r\n\r\n")
        text = await self._until(b"\r\n" + self._mark)
        try:
            resource = json.loads(text)
        except ValueError as wrong:
            raise invalid(f"The metadata part is not JSON: {wrong}", "parseError") from wrong
        if not isinstance(resource, dict):
            raise invalid("The metadata part must be a JSON object.", "parseError")
        head = await self._until(b"\r\n\r\n")
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                self.media_type = value.strip()
        return resource

    async def media(self) -> AsyncIterator[bytes]:
        """The second part's bytes; raises 400 if the closing boundary never comes."""
        end = b"\r\n" + self._mark
        held = self._held
        while True:
            at = held.find(end)
            if at >= 0:
                if at:
                    yield held[:at]
                async for _ in self._blocks:
                    pass
                return
            safe = len(held) - len(end)
            if safe > 0:
                yield held[:safe]
                held = held[safe:]
            held += await self._next()

    async def _until(self, mark: bytes) -> bytes:
        while (at := self._held.find(mark)) < 0:
            if len(self._held) > MAX_HEAD:
                raise invalid("The metadata part is too large.")
            self._held += await self._next()
        found, self._held = self._held[:at], self._held[at + len(mark) :]
        return found

    async def _next(self) -> bytes:
        try:
            return await anext(self._blocks)
        except StopAsyncIteration as ended:
            raise invalid("The multipart body ends before its closing boundary.") from ended


@dataclass(frozen=True)
class Inner:
    """One request of a batch."""

    content_id: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def batch_parts(content_type: str, body: bytes) -> list[Inner]:
    """The requests of a batch, in order."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise invalid("A batch must be multipart/mixed.")
    parts = list(message.iter_parts())
    return [_inner(part.get("Content-ID", ""), bytes(part.get_payload(decode=True) or b"")) for part in parts]


def _inner(content_id: str, raw: bytes) -> Inner:
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    request_line, *lines = head.decode("utf-8").split("\n")
    words = request_line.split(" ")
    if len(words) != 3:
        raise invalid("A part of the batch is not an HTTP request.")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Inner(content_id, words[0], words[1], headers, body.strip())
