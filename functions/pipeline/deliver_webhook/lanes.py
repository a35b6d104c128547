"""How many deliveries to one receiver an instance has under way, so that a slow one cannot take the place of all the others."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

WIDE = 8  # at once to one receiver that answers quickly
NARROW = 1  # to one whose last answer took long
SLOW_SECONDS = 2.0
SOON, LATER = 1, 5  # seconds, after which a delivery that met a full lane comes by again: a quick one is free in a moment
_REMEMBERED = 5_000


@dataclass
class _Lane:
    under_way: int = 0
    slow: bool = False


class Passage:
    """A place in a lane."""

    def __init__(self, lane: _Lane, timer: Callable[[], float]) -> None:
        self._lane = lane
        self._timer = timer

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around what waits for the receiver, and nothing else: that our own store is slow is no fault of theirs."""
        started = self._timer()
        try:
            yield
        finally:
            self._lane.slow = self._timer() - started >= SLOW_SECONDS


class Lanes:
    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def enter(self, receiver: str) -> Iterator["Passage | None"]:
        """None where the receiver's lane is full: then nothing may be sent to it now."""
        lane = self._enter(receiver)
        if lane is None:
            yield None
            return
        try:
            yield Passage(lane, self._timer)
        finally:
            with self._lock:
                lane.under_way -= 1

    def again_after(self, receiver: str) -> int:
        with self._lock:
            lane = self._lanes.get(receiver)
            return LATER if lane is not None and lane.slow else SOON

    def _enter(self, receiver: str) -> _Lane | None:
        with self._lock:
            lane = self._lanes.setdefault(receiver, _Lane())
            self._lanes.move_to_end(receiver)
            if len(self._lanes) > _REMEMBERED:
                self._forget()
            if lane.under_way >= (NARROW if lane.slow else WIDE):
                return None
            lane.under_way += 1
            return lane

    def _forget(self) -> None:
        idle = next((name for name, lane in self._lanes.items() if not lane.under_way), None)
        if idle is not None:
            del self._lanes[idle]
