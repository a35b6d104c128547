"""Runs an ASGI application on a port of 127.0.0.1 in a thread of this process."""

import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

_JOIN_SECONDS = 20.0
_CHORE_SECONDS = 30.0
_KEEP_ALIVE_SECONDS = 300  # longer than clients keep an idle connection, so that they are the ones to close it


class Hosted:
    """A running server; `port` is where it listens, from the moment it is made."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", port), backlog=512)
        # asyncio sets this itself only on sockets made with an explicit protocol; without it every answer waits for a delayed ACK
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._stopped = threading.Event()
        self._server: uvicorn.Server | None = None
        self._threads: list[threading.Thread] = []
        self._closers: list[Callable[[], None]] = []

    def run(
        self, app: ASGIApp, *, chore: Callable[[], object] | None = None, close: Callable[[], None] | None = None
    ) -> "Hosted":
        """Begins to answer; `chore` is done twice a minute, `close` once after the last request."""
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=_KEEP_ALIVE_SECONDS
        )
        self._server = uvicorn.Server(settings)
        serving = {"sockets": [self._socket]}
        self._threads.append(threading.Thread(target=self._server.run, kwargs=serving, name="vertex", daemon=True))
        if chore is not None:
            self._threads.append(threading.Thread(target=self._every_so_often, args=(chore,), name="vertex-chore", daemon=True))
        if close is not None:
            self._closers.append(close)
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Finishes what is being answered, then closes; a second call does nothing."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._server is not None:
            self._server.should_exit = True
        for thread in self._threads:
            thread.join(timeout=_JOIN_SECONDS)
        self._socket.close()
        for close in self._closers:
            close()

    def _every_so_often(self, chore: Callable[[], object]) -> None:
        while not self._stopped.wait(_CHORE_SECONDS):
            chore()
