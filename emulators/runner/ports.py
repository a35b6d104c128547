"""Ports for the parts of a site."""

import random
import socket

from emulators.runner.refusal import CannotStart

# Below the range from which the system takes ports for outgoing connections, so that a part that is started again finds its own.
_FIRST, _LAST = 20_000, 32_000
_BACKLOG = 512


def reserve(count: int) -> list[socket.socket]:
    """Sockets on that many ports nobody uses now; as long as they are open no other site takes those ports.

    They do not listen, so that the parts of this site may: whoever allows an address to be used again shares it with them.
    """
    found: list[socket.socket] = []
    for port in random.SystemRandom().sample(range(_FIRST, _LAST), 400):
        if len(found) == count:
            break
        if (kept := _reserved(port)) is not None:
            found.append(kept)
    if len(found) < count:
        raise CannotStart("no free ports between 20000 and 32000 on 127.0.0.1")
    return found


def _reserved(port: int) -> socket.socket | None:
    kept = socket.socket()
    try:
        kept.bind(("127.0.0.1", port))  # fails on a port that another site reserved: only later sockets may share this one
    except OSError:
        kept.close()
        return None
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return kept


def number(held: socket.socket) -> int:
    return int(held.getsockname()[1])


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
