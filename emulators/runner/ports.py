"""Ports for the parts of a site."""

import random
import socket
from collections.abc import Iterator

from emulators.runner.refusal import CannotStart

# Below the range from which the system takes ports for outgoing connections, so that a part that is started again finds its own.
_FIRST, _LAST = 20_000, 32_000
_BACKLOG = 512


def choose(count: int) -> list[int]:
    """That many ports nobody listens on now."""
    found: list[int] = []
    for port in _candidates():
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise CannotStart("no free ports between 20000 and 32000 on 127.0.0.1")


def _candidates() -> Iterator[int]:
    yield from random.SystemRandom().sample(range(_FIRST, _LAST), 400)


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listen(port: int) -> socket.socket:
    """A listening socket for a child to accept on; it outlives the child, so callers wait rather than fail while it restarts.

    Raises `CannotStart` if the port is taken. 0 takes a free one.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
        server.listen(_BACKLOG)
    except OSError as error:
        server.close()
        raise CannotStart(f"port {port} cannot be had ({error.strerror}); choose another: make run PORT={port + 10}") from error
    return server
