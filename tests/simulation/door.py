"""The door every call goes through: where workers change, fail, die, or are believed to have failed though they did not."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from greenlet import getcurrent

from emulators.faults import Fault, Faults, InjectedFault
from tests.simulation.baton import Killed, Worker

_READS = ("BatchGetDocuments", "RunQuery", "RunAggregationQuery", "GET", "HEAD", "findNeighbors")
# To stand before the call until the index, or each item of it, was deleted and all else has come to rest.
OUTLIVE = ("outlive_index", "outlive_media")
_FATES = ("fail", "fail_after", "die_before", "die_after")


@dataclass
class Passed:
    """One call that took effect."""

    worker: str
    operation: str
    at: float


@dataclass
class Door(Faults):
    """`rate` is how many of a thousand calls meet a fault; a call outside of any worker meets none."""

    rng: random.Random
    now: Callable[[], float]
    rate: int = 0
    trace: list[str] = field(default_factory=list)
    after: Callable[[Worker, str], None] = lambda worker, operation: None
    struck: int = 0
    calls: int = 0  # of workers
    doom: tuple[int, str] | None = None  # the number of a call, and the fate that it meets for certain

    def __post_init__(self) -> None:
        super().__init__()

    @contextmanager
    def around(self, operation: str) -> Iterator[Fault | None]:
        worker = getcurrent()
        if not isinstance(worker, Worker):
            yield None
            return
        reading = operation.rpartition(".")[2] in _READS
        worker.door()
        if reading and operation.startswith("firestore"):
            worker.read_at = self.now()
        fate = self._fate(reading)
        if fate:
            self.struck += 1
            self.trace.append(f"{self.now():.3f} {worker.name} {operation}: {fate}")
        if fate == "die_before":
            self._die(worker)
        if fate in OUTLIVE:
            worker.stand_still()
        if fate == "fail":
            raise InjectedFault(Fault(operation, "fail"))
        try:
            yield None
        finally:
            if not worker.killed and not reading:
                self.trace.append(f"{self.now():.3f} {worker.name} {operation}")
                self.after(worker, operation)
        if fate == "die_after":
            self._die(worker)
        if fate == "fail_after":
            raise InjectedFault(Fault(operation, "fail_after"))

    def _fate(self, reading: bool) -> str:
        self.calls += 1
        if self.doom is not None and self.doom[0] == self.calls:
            return self.doom[1]
        if self.rng.randrange(1000) >= self.rate:
            return ""
        return "fail" if reading else self.rng.choice(_FATES)

    def _die(self, worker: Worker) -> None:
        worker.killed = True
        raise Killed
