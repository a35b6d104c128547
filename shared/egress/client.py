"""One request to a place that a user named: no redirects, bounded answer, one time limit over everything."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.config import Settings
from shared.egress import urls
from shared.egress.deadlines import Deadlines
from shared.egress.dialing import Dialer, Unreachable
from shared.egress.sockets import guarded
from shared.egress.urls import Refused, Target

__all__ = ["LOOKUP_SECONDS", "Answer", "Egress", "Refused", "Unreachable", "connect"]

_PIECE = 16 * 1024
LOOKUP_SECONDS = 1.0  # that a request waits for the name of a place it only keeps


@dataclass(frozen=True)
class Answer:
    """`body` holds at most as much as was asked for; `truncated` says that there was more."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    truncated: bool = False


class Egress:
    """`dialer` decides where one may go; `tls` is for tests with an authority of their own."""

    def __init__(self, dialer: Dialer | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.dialer = dialer or Dialer()
        self._tls = tls
        self._deadlines = Deadlines()

    def check(self, url: str, seconds: float = 2.0) -> Target:
        """Reads the URL and looks its host up; `Refused` if it leads inside. A host that is not found now may be found later."""
        target = urls.read(url, loopback=self.dialer.loopback)
        try:
            self.dialer.addresses(target.host, seconds)
        except Unreachable:
            return target
        return target

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float,
        most_bytes: int,
    ) -> Answer:
        """Sends it once and reads the answer, whatever its status. Raises `Refused` (nothing was sent) or `Unreachable`."""
        target = urls.read(url, loopback=self.dialer.loopback)
        sent = {"Host": target.netloc, "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
        with self._deadlines.within(seconds) as watched:
            connection = self._connection(target, watched)
            try:
                connection.request(method, target.path, body=body, headers=sent, preload_content=False, decode_content=False)
                answer = _read(connection.getresponse(), most_bytes)
            except Refused:
                raise
            except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError) as error:
                if watched.left <= 0 or isinstance(error, TimeoutError):
                    raise Unreachable(f"no complete answer within {seconds:g} s") from error
                raise Unreachable(_words(error)) from error
            finally:
                connection.close()
            if watched.left <= 0:  # what we cut off looks like an end to those who read
                raise Unreachable(f"no complete answer within {seconds:g} s")
            return answer

    def fetch(self, url: str, *, seconds: float = 5.0, most_bytes: int = 256 * 1024) -> bytes:
        """The body of a 200. Raises `Unreachable` for anything else, an answer that is too long among it."""
        answer = self.request("GET", url, headers={"Accept": "application/json"}, seconds=seconds, most_bytes=most_bytes)
        if answer.status != 200:
            raise Unreachable(f"answered {answer.status}")
        if answer.truncated:
            raise Unreachable(f"answered more than {most_bytes} bytes")
        return answer.body

    def _connection(self, target: Target, watched: Any) -> HTTPConnection:
        common: dict[str, Any] = {"host": target.host, "port": target.port, "timeout": max(0.001, watched.left)}
        if target.scheme == "http":
            return guarded(HTTPConnection, self.dialer, watched.add)(**common)
        return guarded(HTTPSConnection, self.dialer, watched.add)(**common, ssl_context=self._tls or _authorities())


@cache
def _authorities() -> ssl.SSLContext:
    """The system's own and Mozilla's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _read(response: Any, most_bytes: int) -> Answer:
    parts: list[bytes] = []
    size = 0
    while size <= most_bytes:
        part = response.read1(min(_PIECE, most_bytes + 1 - size), decode_content=False)
        if not part:
            break
        parts.append(part)
        size += len(part)
    body = b"".join(parts)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, body[:most_bytes], len(body) > most_bytes)


def _words(error: BaseException) -> str:
    """What to tell the user, without an inner address."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"the certificate is not valid: {seen.verify_message}"
        if isinstance(seen, ssl.SSLError):
            return "TLS could not be agreed on"
        if isinstance(seen, ConnectionResetError | BrokenPipeError | http.client.RemoteDisconnected):
            return "the connection was closed before an answer came"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, Unreachable):
        return str(error)
    return "what was answered is not HTTP"


@cache
def connect(settings: Settings) -> Egress:
    """The process's one; this machine's own addresses are allowed only where the settings say so."""
    return Egress(Dialer(loopback=bool(settings.egress_loopback)))
