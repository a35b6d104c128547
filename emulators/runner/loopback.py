"""A small HTTP client for the site's own ports, of the standard library: it costs no start-up time."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


class Unexpected(Exception):
    """A part of the site answered what it should not."""


def call(method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = _SECONDS) -> Answer:
    """One request with a JSON body; OSError if nobody listens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
    try:
        payload = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), payload, sent)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def expect(answer: Answer, *statuses: int) -> Answer:
    """The answer, if it has one of the statuses; else raises `Unexpected` with what it said."""
    if answer.status not in statuses:
        raise Unexpected(f"answered {answer.status}: {answer.body[:500].decode('utf-8', 'replace')}")
    return answer
