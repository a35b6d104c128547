"""When what is due, in lanes (a queue, a subscription), in memory; the engine's database is what survives."""

import heapq
import itertools
from collections.abc import Hashable, Iterator


class Timetable:
    """Entries by time within each lane, first in first out where times are equal; an entry has one time only."""

    def __init__(self) -> None:
        self._lanes: dict[str, list[tuple[float, int, Hashable]]] = {}
        self._current: dict[Hashable, tuple[str, float, int]] = {}
        self._order = itertools.count()
        self._turn = 0

    def put(self, lane: str, entry: Hashable, at: float) -> None:
        """Sets or moves the entry's time."""
        order = next(self._order)
        self._current[entry] = (lane, at, order)
        heapq.heappush(self._lanes.setdefault(lane, []), (at, order, entry))

    def drop(self, entry: Hashable) -> None:
        self._current.pop(entry, None)  # its place in the heap is recognised as stale later

    def drop_lane(self, lane: str) -> None:
        for _, _, entry in self._lanes.pop(lane, []):
            if self._current.get(entry, ("",))[0] == lane:
                del self._current[entry]

    def clear(self) -> None:
        self._lanes.clear()
        self._current.clear()

    def first(self, lane: str) -> float | None:
        """When the lane's earliest entry is due."""
        heap = self._lanes.get(lane)
        while heap:
            at, order, entry = heap[0]
            if self._current.get(entry) == (lane, at, order):
                return at
            heapq.heappop(heap)
        return None

    def take(self, lane: str, now: float) -> Hashable | None:
        """Removes and returns the lane's earliest entry that is due."""
        at = self.first(lane)
        if at is None or at > now:
            return None
        _, _, entry = heapq.heappop(self._lanes[lane])
        del self._current[entry]
        return entry

    def lanes(self) -> list[str]:
        return [lane for lane, heap in self._lanes.items() if heap]

    def fair_turns(self) -> Iterator[str]:
        """Lanes one after the other, each round beginning with another one, so that no lane starves the rest."""
        lanes = self.lanes()
        if not lanes:
            return
        self._turn = (self._turn + 1) % len(lanes)
        yield from lanes[self._turn :] + lanes[: self._turn]

    def __len__(self) -> int:
        return len(self._current)
