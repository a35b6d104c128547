"""Serves the storage engine on a port of the loopback interface, and sends its events."""

import socket
import threading

import uvicorn

from emulators.faults import Faults

from .engine import Engine
from .wire import Wire

RETRY_S = 1.0


class Server:
    """A running storage service. Set STORAGE_EMULATOR_HOST to `url`."""

    def __init__(self, engine: Engine, faults: Faults, port: int) -> None:
        self._engine = engine
        self._socket = socket.create_server(("127.0.0.1", port), backlog=512)
        # Accepted connections inherit this. The event loop sets it only on sockets that name their protocol, and without
        # it every answer of two writes waits 40 ms for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Room for a whole read of the event loop (256 KiB) while it is elsewhere; inherited too.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            Wire(engine, faults),
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
        )
        self._server = uvicorn.Server(config)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="storage", daemon=True),
            threading.Thread(target=self._send_events, name="storage-events", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Closes the port, waits for the requests at work, and leaves unsent events in the outbox."""
        self._stopping.set()
        self._engine.notifications.something_to_send.set()
        self._server.should_exit = True
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _send_events(self) -> None:
        """At once when something happened, and every second while a publish has failed."""
        waiting = 1  # what an earlier process left behind
        while not self._stopping.is_set():
            if not waiting:
                self._engine.notifications.something_to_send.wait()
            if self._stopping.is_set():
                return
            waiting = self._engine.deliver_events()
            if waiting:
                self._stopping.wait(RETRY_S)


def serve(engine: Engine, faults: Faults, port: int = 0) -> Server:
    """Starts it; `port=0` takes a free one."""
    return Server(engine, faults, port)
