"""Small pieces of ASGI that the gateway and the work process share."""

import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Leaves the signals to the process."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def serve_until_told(app: App, descriptor: int) -> None:
    """Serves on an inherited listening socket until SIGTERM; requests at work get 2 seconds."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=30,
    )
    server = _Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    server.run(sockets=[socket.socket(fileno=descriptor)])


async def answer(send: Send, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
    """A whole response."""
    sent = [(b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> str:
    """A request header's value, or nothing."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
