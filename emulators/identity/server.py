"""Serves the issuer on a port of the loopback interface."""

import socket
import threading

import uvicorn

from emulators.faults import Faults

from .engine import Engine
from .wire import build_app

DEFAULT_AUDIENCE = "videovector"


class Server:
    """A running issuer; `url` is its base address."""

    def __init__(self, engine: Engine, faults: Faults, port: int, audience: str) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        # Accepted connections inherit this. The event loop sets it only on sockets that name their protocol, and without
        # it every answer of two writes waits 40 ms for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            build_app(engine, faults, audience),
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="identity", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the port and waits for the requests at work."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def serve(engine: Engine, faults: Faults, port: int = 0, audience: str = DEFAULT_AUDIENCE) -> Server:
    """Starts it; `port=0` takes a free one. `audience` is that of users' tokens minted without naming one."""
    return Server(engine, faults, port, audience)
