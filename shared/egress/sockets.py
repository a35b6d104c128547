"""The guard at the level where HTTP libraries open sockets, for clients that are not ours: boto3, Azure, google-auth, requests.

`guarded(cls, dialer)` makes of any urllib3 connection class one that dials checked addresses only; certificates and the Host
header stay those of the name. `shared.egress.sessions` has a requests session on such connections.
"""

import socket
from collections.abc import Callable
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from shared.egress.dialing import Dialer, Unreachable
from shared.egress.urls import Refused

CONNECT_SECONDS = 10.0


class _Failed(NewConnectionError):
    """A connection that was not made; its text is the reason alone."""

    def __init__(self, connection: Any, words: str) -> None:
        super().__init__(connection, words)
        self.words = words

    def __str__(self) -> str:
        return self.words


class RefusedConnection(_Failed, Refused):
    """A library's own retries see a connection that failed; we see that it was refused."""


class UnreachableConnection(_Failed, Unreachable):
    """A connection that failed on its way."""


def guarded(cls: type[Any], dialer: Dialer, opened: Callable[[socket.socket], None] | None = None) -> type[Any]:
    """A subclass of a urllib3 connection class; `opened` is shown every new socket before anything is sent."""

    class Guarded(cls):
        def _new_conn(self) -> socket.socket:
            seconds = self.timeout if isinstance(self.timeout, int | float) else CONNECT_SECONDS
            try:
                connected = dialer.dial(self.host, self.port, seconds)
            except Refused as error:
                raise RefusedConnection(self, str(error)) from error
            except Unreachable as error:
                raise UnreachableConnection(self, str(error)) from error
            for level, option, value in self.socket_options or []:
                connected.setsockopt(level, option, value)
            connected.settimeout(seconds)
            if opened is not None:
                opened(connected)
            return connected

    Guarded.__name__ = f"Guarded{cls.__name__}"
    return Guarded


def pool_classes(
    dialer: Dialer,
    http: type[HTTPConnectionPool] = HTTPConnectionPool,
    https: type[HTTPSConnectionPool] = HTTPSConnectionPool,
) -> dict[str, type[Any]]:
    """For `PoolManager.pool_classes_by_scheme`, and botocore's of the same form: pools whose connections are guarded."""
    made: dict[str, type[Any]] = {}
    for scheme, cls in (("http", http), ("https", https)):
        connection = guarded(cls.ConnectionCls, dialer)
        made[scheme] = type(f"Guarded{cls.__name__}", (cls,), {"ConnectionCls": connection})
    return made
