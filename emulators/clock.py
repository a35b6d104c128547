"""The time every emulator is told, never asks for: seconds since the epoch, movable by the control surface."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class MovableClock:
    """Wall time plus an offset that only ever grows, so that a test can pass an hour in an instant."""

    def __init__(self, source: Clock = time.time) -> None:
        self._source = source
        self._offset = 0.0

    def __call__(self) -> float:
        return self._source() + self._offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._offset += seconds


class ManualClock:
    """Stands still until it is moved; for engines driven by a simulator."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.now += seconds
