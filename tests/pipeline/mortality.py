"""Workers that die: at one chosen outgoing call, before or after it took effect, and never to be heard of again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from emulators.faults import Fault, Faults
from shared.work.stage import Answer, Stage

# Reading changes nothing outside, so dying before a read is dying after the write before it.
_READS = (
    "firestore.BatchGetDocuments",
    "firestore.RunQuery",
    "firestore.RunAggregationQuery",
    "storage.GET",
    "storage.HEAD",
    "vectors.findNeighbors",
)


Moment = Literal["before", "after"]


class Killed(BaseException):
    """No exception that code could handle: the process is gone."""


@dataclass(frozen=True)
class Call:
    """The `number`-th call of this operation that the stage made, counted from 1 over all its messages."""

    stage: str
    operation: str
    number: int


@dataclass(frozen=True)
class Death:
    call: Call
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment} {self.call.stage} {self.call.operation} {self.call.number}"


class Mortality(Faults):
    """A door that writes down who goes through it, and at which one worker may die.

    A dead worker makes no further call, not even those its other threads were about to make.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.doom: Death | None = None
        self._working = ""
        self._dead = False
        self._guard = threading.Lock()

    def begin(self, doom: Death | None = None) -> None:
        """Counts anew."""
        self.calls, self.doom = [], doom

    @contextmanager
    def around(self, operation: str) -> Iterator[Fault | None]:
        if not self._working or operation in _READS:
            if self._dead:
                raise Killed
            yield None
            return
        with self._guard:
            if self._dead:
                raise Killed
            number = 1 + sum(c.stage == self._working and c.operation == operation for c in self.calls)
            call = Call(self._working, operation, number)
            self.calls.append(call)
            struck = self.doom is not None and self.doom.call == call
            if struck and self.doom.moment == "before":  # type: ignore[union-attr]
                self._die()
        try:
            yield None
        finally:  # a refusal is an answer too
            if struck:
                with self._guard:
                    self._die()

    def employ(self, stages: dict[str, Stage]) -> None:
        """Every stage works as a process that may die; whoever sent it the message then gets no answer."""
        for name, stage in stages.items():
            stage.receive = self._worker(name, stage.receive)  # type: ignore[method-assign]

    def _worker(self, name: str, receive: Callable[[bytes], Answer]) -> Callable[[bytes], Answer]:
        def work(body: bytes) -> Answer:
            self._working = name
            try:
                return receive(body)
            except Killed:
                return Answer(500)  # a broken connection counts as such
            finally:
                self._working, self._dead = "", False

        return work

    def _die(self) -> None:
        self._dead, self.doom = True, None
        raise Killed
