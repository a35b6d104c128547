"""How connectors reach a store: through the egress guard, and to hosts that the deployment's own settings name.

A customer's connector chooses names, never addresses. What these names lead to is dialled only if it is public; a store on a
private address is reached where the deployment names its endpoint, and nowhere else.
"""

import socket
import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import urllib3
from urllib3.util.timeout import Timeout

from shared.connectors.port import CloudCode, CloudError
from shared.egress.dialing import Dialer
from shared.egress.sessions import GuardedAdapter
from shared.egress.sockets import pool_classes
from shared.egress.urls import Refused

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
_PORTS = {"https": 443, "http": 80}

Place = tuple[str, int]


def place_of(url: str) -> Place:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 443)


class StoreDialer(Dialer):
    """Public addresses, and the places that the deployment named."""

    def __init__(self, named: frozenset[Place]) -> None:
        super().__init__()
        self.named = named

    def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        if (host.strip("[]").lower(), port) in self.named:
            return socket.create_connection((host.strip("[]"), port), timeout=seconds)
        return super().dial(host, port, seconds)


@cache
def dialer_for(*endpoints: str) -> StoreDialer:
    return StoreDialer(frozenset(place_of(url) for url in endpoints if url))


class StoreSession(requests.Session):
    """For the clients of Google and Azure: guarded, without proxies, redirects or anything of the environment."""

    def __init__(self, dialer: StoreDialer, ca_file: str = "") -> None:
        super().__init__()
        self.trust_env = False
        self._dialer = dialer
        self._ca_file = ca_file
        for scheme in ("https://", "http://"):
            self.mount(scheme, GuardedAdapter(dialer, pool_maxsize=4))

    def send(self, request: requests.PreparedRequest, **named: Any) -> requests.Response:
        check_scheme(request.url or "", self._dialer)
        if self._ca_file:
            named["verify"] = self._ca_file  # whatever the client above says: Azure's names the well-known authorities
        named["timeout"] = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        try:
            return super().send(request, **named)
        except requests.RequestException as error:
            refused = refusal_in(error)
            if refused is not None:
                raise Refused(str(refused)) from error  # no failed connection, which the clients above would try again
            raise

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def check_scheme(url: str, dialer: StoreDialer) -> None:
    """Credentials go over TLS, but to a place that the deployment itself named without it."""
    if urlsplit(url).scheme != "https" and place_of(url) not in dialer.named:
        raise Refused("a store is spoken to over https")


def pool_manager(dialer: StoreDialer, ca_file: str = "") -> urllib3.PoolManager:
    """For boto3, which is given our own way to send."""
    manager = urllib3.PoolManager(
        num_pools=4,
        maxsize=4,
        ssl_context=_authorities(ca_file),
        timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
    )
    manager.pool_classes_by_scheme = pool_classes(dialer)
    return manager


@cache
def _authorities(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file or certifi.where())
    return context


def broken(error: BaseException, where: str) -> CloudError:
    """What a failed connection means for the user; `where` names the store in the user's own words."""
    if refusal_in(error) is not None:
        return CloudError(CloudCode.ADDRESS_REFUSED, f"{where} leads to an address that is not public")
    if any(isinstance(seen, ssl.SSLError) for seen in _causes(error)):
        return CloudError(CloudCode.STORE_UNREACHABLE, f"{where} could not be reached: TLS could not be agreed on")
    return CloudError(CloudCode.STORE_UNREACHABLE, f"{where} could not be reached, or broke off")


def refusal_in(error: BaseException) -> Refused | None:
    """The guard's word behind what a client makes of it."""
    return next((seen for seen in _causes(error) if isinstance(seen, Refused)), None)


def is_of_network(error: BaseException) -> bool:
    """Whether it came to this because a connection was not made or broke."""
    return any(isinstance(seen, requests.RequestException | Refused) for seen in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it; urllib3, requests and Azure may keep that in fields of their own."""
    seen: list[BaseException] = []
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            yield one
            todo += [getattr(one, "reason", None), getattr(one, "inner_exception", None), *one.args[:1]]
            todo += [one.__context__, one.__cause__]
