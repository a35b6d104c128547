"""Ends connections whose time is over, whatever they are waiting for: a handshake, a header that trickles, a body."""

import heapq
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class _Watched:
    """A second handle of a connection's socket: it stays ours while TLS wraps and closes the first."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.ended = False  # by us
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()

    def add(self, connected: socket.socket) -> None:
        with self._lock:
            handle = connected.dup()
            self._handles.append(handle)
            if self.ended:
                _shut(handle)

    def end(self) -> None:
        with self._lock:
            self.ended = True
            for handle in self._handles:
                _shut(handle)

    def release(self) -> None:
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()

    @property
    def left(self) -> float:
        return self.at - time.monotonic()


def _shut(handle: socket.socket) -> None:
    with suppress(OSError):  # it may have ended by itself in this moment
        handle.shutdown(socket.SHUT_RDWR)


class Deadlines:
    """One thread for all connections of the process, started with the first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, _Watched]] = []
        self._numbers = itertools.count()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[_Watched]:
        """What is added to the watched one is shut down once the time is over."""
        watched = _Watched(time.monotonic() + seconds)
        with self._change:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="egress-deadlines", daemon=True)
                self._thread.start()
            heapq.heappush(self._waiting, (watched.at, next(self._numbers), watched))
            if self._waiting[0][2] is watched:
                self._change.notify()
        try:
            yield watched
        finally:
            watched.release()

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    self._change.wait()
                left = self._waiting[0][0] - time.monotonic()
                if left > 0:
                    self._change.wait(left)
                    continue
                watched = heapq.heappop(self._waiting)[2]
            watched.end()
