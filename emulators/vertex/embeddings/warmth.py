"""Models that load on first use and go cold when nobody asks: memory is given back to the system, not just to Python."""

import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from emulators.clock import Clock

Model = TypeVar("Model")
IDLE_SECONDS = 300.0


class Warmth(Generic[Model]):
    """Holds one model while it is in use or was within `idle_seconds`; whoever owns the process calls `cool` now and then."""

    def __init__(self, load: Callable[[], Model], clock: Clock, idle_seconds: float = IDLE_SECONDS) -> None:
        self._load = load
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._users = 0
        self._last_used = 0.0

    @property
    def warm(self) -> bool:
        return self._model is not None

    @contextmanager
    def use(self) -> Iterator[Model]:
        """The model, loaded if it was cold; it stays while the block runs. Callers that come during a load wait for it."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
                return_freed_memory()  # what loading took and the model does not keep
            model = self._model
            self._users += 1
        try:
            yield model
        finally:
            with self._lock:
                self._users -= 1
                self._last_used = self._clock()

    def cool(self) -> bool:
        """Lets the model go if it has been idle long enough; says whether it did."""
        with self._lock:
            if self._model is None or self._users or self._clock() - self._last_used < self._idle_seconds:
                return False
            self._model = None
        gc.collect()
        return_freed_memory()
        return True


def return_freed_memory() -> None:
    """Asks the C library to hand free pages back; where it has no such call, nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
