"""Models that nobody has asked for a while give their memory back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emulators.clock import Clock

IDLE_SECONDS = 300.0
CHECK_SECONDS = 20.0


class Resting:
    """Calls `rest` once nothing has been awake for `idle` seconds of the clock. The watch is a thread that lives only
    while there is something to put to rest."""

    def __init__(self, clock: Clock, rest: Callable[[], None], idle: float = IDLE_SECONDS) -> None:
        self._clock = clock
        self._rest = rest
        self._idle = idle
        self._lock = threading.Lock()
        self._working = 0
        self._used_at = 0.0
        self._watch: threading.Thread | None = None

    @contextmanager
    def awake(self) -> Iterator[None]:
        with self._lock:
            self._working += 1
            if self._watch is None:
                self._watch = threading.Thread(target=self._watch_over, name="resting", daemon=True)
                self._watch.start()
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                self._used_at = self._clock()

    def rest_if_idle(self) -> bool:
        """Whether it was time to rest."""
        with self._lock:
            if self._working or self._clock() - self._used_at < self._idle:
                return False
            self._rest()
            return True

    def _watch_over(self) -> None:
        pause = threading.Event()
        while not pause.wait(CHECK_SECONDS):
            if self.rest_if_idle():
                with self._lock:
                    self._watch = None
                return
