"""Connecting to a host that a user named: all its addresses are looked up once, checked, and one of those is dialled.

Since the connection goes to the address that was checked, a name that resolves differently the next moment changes nothing.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

from shared.egress.addresses import Address, is_loopback, is_public
from shared.egress.urls import Refused

Resolve = Callable[[str], list[str]]
Connect = Callable[[str, int, float], socket.socket]

LOOKUPS_AT_ONCE = 32
_MAX_ADDRESSES = 8  # to be tried; a name with more is no worse off


class Unreachable(Exception):
    """The network, the name service or the other side failed; trying again may help."""


def resolve(host: str) -> list[str]:
    """All addresses the system's resolver gives for the name."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """To a literal address: nothing is looked up here."""
    return socket.create_connection((address, port), timeout=seconds)


class Dialer:
    def __init__(self, *, loopback: bool = False, resolve: Resolve = resolve, connect: Connect = connect) -> None:
        self.loopback = loopback
        self._resolve = resolve
        self._connect = connect
        self._lookups = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)

    def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connected socket. Raises `Refused` or `Unreachable`, within `seconds` in all."""
        ends = time.monotonic() + seconds
        addresses = self.addresses(host, seconds)
        failure: OSError | None = None
        for number, address in enumerate(addresses):
            left = ends - time.monotonic()
            if left <= 0:
                break
            try:
                return self._connect(str(address), port, left / (len(addresses) - number))
            except OSError as error:
                failure = error
        if failure is None or isinstance(failure, TimeoutError):
            raise Unreachable("the connection was not established in time") from failure
        raise Unreachable(f"the connection failed: {reason(failure)}") from failure

    def addresses(self, host: str, seconds: float) -> list[Address]:
        """Where the host is, every address of it allowed; `Refused` if a single one is not."""
        literal = host.strip("[]").removesuffix(".")
        try:
            found: list[Address] = [ipaddress.ip_address(literal)]
        except ValueError:
            found = [_parsed(text) for text in self._look_up(literal, seconds)]
        if not found:
            raise Unreachable("the host name has no address")
        if not all(is_public(one) or (self.loopback and is_loopback(one)) for one in found):
            raise Refused("the host leads to an address that is not public")
        return found[:_MAX_ADDRESSES]

    def _look_up(self, host: str, seconds: float) -> list[str]:
        """In a thread of its own, because the system's resolver cannot be told how long to wait."""
        if not self._lookups.acquire(timeout=max(0.0, seconds)):
            raise Unreachable("too many host names are being looked up")
        answer: Future[list[str]] = Future()

        def look() -> None:
            try:
                answer.set_result(self._resolve(host))
            except BaseException as error:  # told by whoever waits
                answer.set_exception(error)
            finally:
                self._lookups.release()

        threading.Thread(target=look, name="egress-lookup", daemon=True).start()
        try:
            return answer.result(max(0.0, seconds))
        except FutureTimeout:
            raise Unreachable("the host name was not looked up in time") from None
        except (OSError, UnicodeError) as error:
            raise Unreachable("the host name was not found") from error


def _parsed(text: str) -> Address:
    with suppress(ValueError):
        return ipaddress.ip_address(text)
    raise Refused("the host leads to an address that is not public")


def reason(error: BaseException) -> str:
    """What went wrong on the wire, in words that tell nothing of this side."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset by the other side"
    return "the network is not reachable" if isinstance(error, OSError) and error.errno in (101, 113) else "broken"
