"""Threads made as work comes and sent home when it ends; daemons, so that a hung request never holds the process."""

import threading
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]


class Crew:
    """Up to `size` threads; the caller does not submit more than that at a time."""

    def __init__(self, size: int, name: str, on_free: Callable[[], None] = lambda: None, idle_seconds: float = 10.0) -> None:
        self.size = size
        self._on_free = on_free
        self._name = name
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._idle = 0
        self._threads = 0
        self._busy = 0

    @property
    def free(self) -> int:
        with self._changed:
            return self.size - self._busy

    def submit(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            self._busy += 1
            if len(self._jobs) > self._idle and self._threads < self.size:
                self._threads += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            else:
                self._changed.notify()

    def wait_until_idle(self, timeout: float) -> bool:
        """Whether everything submitted ended within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, timeout)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            finally:
                with self._changed:
                    self._busy -= 1
                    if self._busy == 0:
                        self._changed.notify_all()
                self._on_free()  # only now is there a free place to be seen

    def _next(self) -> Job | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: bool(self._jobs), self._idle_seconds)
            self._idle -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._threads -= 1
            return None
