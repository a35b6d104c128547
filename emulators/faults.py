"""Failures on order: one vocabulary for every emulator, so that retry code can be proven.

A fault names an operation (`firestore.Commit`, `storage.objects.get`, `tasks.dispatch`, `vertex.generateContent`), how often
it strikes and its effect:

* `fail`: the operation is refused with `status` and does nothing
* `fail_after`: the operation is carried out, then the caller sees `status` (executed but timed out)
* `stall`: the operation waits `seconds` first
* `cut`: the answer stops after `bytes` bytes (only where the wire streams)
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

Effect = Literal["fail", "fail_after", "stall", "cut"]


@dataclass
class Fault:
    """One ordered failure; `status` is an HTTP status, which gRPC wires translate."""

    operation: str
    effect: Effect = "fail"
    times: int = 1
    status: int = 503
    seconds: float = 0.0
    bytes: int = 0


class InjectedFault(Exception):
    """Raised inside a wire when an ordered failure strikes; the wire answers `status`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"ordered failure of {fault.operation}: {fault.status}")
        self.fault = fault
        self.status = fault.status


class Faults:
    """The orders still to be served, and the door every operation goes through."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._orders: list[Fault] = []
        self._lock = threading.Lock()
        self._sleep = sleep

    def order(self, fault: Fault) -> None:
        with self._lock:
            self._orders.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._orders.clear()

    def pending(self) -> list[dict]:
        with self._lock:
            return [asdict(fault) for fault in self._orders]

    def take(self, operation: str) -> Fault | None:
        """The next fault ordered for this operation, used up once."""
        if not self._orders:  # the common case costs no lock
            return None
        with self._lock:
            for fault in self._orders:
                if fault.operation == operation:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._orders.remove(fault)
                    return fault
        return None

    @contextmanager
    def around(self, operation: str) -> Iterator[Fault | None]:
        """Runs the operation inside; raises `InjectedFault` before or after it as ordered."""
        fault = self.take(operation)
        if fault is not None and fault.effect == "stall":
            self._sleep(fault.seconds)
        if fault is not None and fault.effect == "fail":
            raise InjectedFault(fault)
        yield fault
        if fault is not None and fault.effect == "fail_after":
            raise InjectedFault(fault)
