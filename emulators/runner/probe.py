"""Is a part up? One question over a fresh connection, without a client library."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from emulators.runner.site import Site

_SECONDS = 2.0
# The connection preface of HTTP/2 and empty SETTINGS; a gRPC server answers with its own SETTINGS, frame type 4.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
_SETTINGS = 4


@dataclass(frozen=True)
class Health:
    """Part → up or not."""

    parts: dict[str, bool]

    @property
    def ready(self) -> bool:
        return all(self.parts.values())


async def look(site: Site) -> Health:
    """Asks every part at once; takes at most 2 seconds."""
    ports = site.ports
    questions: dict[str, Awaitable[bool]] = {
        "firestore": _speaks_grpc(ports.firestore),
        "pubsub": _speaks_grpc(ports.pubsub),
        "tasks": _speaks_http(ports.tasks, "/"),
        "scheduler": _speaks_http(ports.scheduler, "/"),
        "storage": _speaks_http(ports.storage, "/"),
        "identity": _answers_ok(ports.identity, "/jwks"),
        "cloud": _answers_ok(ports.control, "/_control"),  # opened last, once buckets, topics and queues are there
        "vertex": _speaks_http(ports.models, "/"),
        "work": _answers_ok(ports.work, "/health"),
    }
    answers = await asyncio.gather(*(_in_time(question) for question in questions.values()))
    return Health(dict(zip(questions, answers, strict=True)))


async def _in_time(question: Awaitable[bool]) -> bool:
    try:
        return await asyncio.wait_for(question, _SECONDS)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def _speaks_grpc(port: int) -> bool:
    answer = await _exchange(port, _PREFACE, 9)
    return len(answer) == 9 and answer[3] == _SETTINGS


async def _speaks_http(port: int, path: str) -> bool:
    """Any answer will do, a refusal too."""
    return (await _status(port, path)).startswith(b"HTTP/1.1 ")


async def _answers_ok(port: int, path: str) -> bool:
    return (await _status(port, path)).startswith(b"HTTP/1.1 200")


async def _status(port: int, path: str) -> bytes:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    return await _exchange(port, request.encode(), 12)


async def _exchange(port: int, question: bytes, count: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(question)
        await writer.drain()
        return await reader.readexactly(count)
    finally:
        writer.close()
