"""Makes one HTTP request on the wire, within its deadline, and reports the answer."""

import http.client
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from emulators.clock import Clock
from emulators.dispatch.delivery import Answer, Delivery

Carry = Callable[[Delivery], Answer]

_READ_AT_MOST = 1 << 20


def carry(delivery: Delivery, clock: Clock = time.time) -> Answer:
    """Sends the request over a connection of its own and follows no redirect; no answer in time is status None.

    A fresh connection each time: a kept one may be closed by the worker just as it is used again, which would look like a
    failed attempt.
    """
    ends = time.monotonic() + delivery.deadline
    parts = urlsplit(delivery.url)
    connection: http.client.HTTPConnection | None = None
    try:
        connection = _connect(parts.scheme, parts.hostname or "", parts.port, delivery.deadline)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(delivery.method, target, delivery.body or None, _headers(delivery))
        response = connection.getresponse()
        _drain(response, connection, ends)
        return Answer(response.status, _retry_after(response.getheader("Retry-After"), clock))
    except (OSError, http.client.HTTPException, ValueError):  # ValueError: an URL or a header nobody can send
        return Answer(None)
    finally:
        if connection is not None:
            connection.close()


def _connect(scheme: str, host: str, port: int | None, timeout: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _headers(delivery: Delivery) -> dict[str, str]:
    """With an explicit length, so that an empty POST is not taken for a chunked or endless one."""
    headers = {"Connection": "close", **delivery.headers}
    if not delivery.body and delivery.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = "0"
    return headers


def _drain(response: http.client.HTTPResponse, connection: http.client.HTTPConnection, ends: float) -> None:
    """An answer counts when it is complete, so the body is read, as far as anybody would, within the deadline."""
    read = 0
    while read < _READ_AT_MOST:
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = response.read1(65536)
        if not chunk:
            return
        read += len(chunk)


def _retry_after(value: str | None, clock: Clock) -> float | None:
    """Seconds, given as a number or as an HTTP date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - clock())
    except (TypeError, ValueError):
        return None
