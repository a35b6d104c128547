"""Workers that take turns: each is a greenlet, and runs only while it holds the baton.

A worker may lay the baton down at each call that leaves its process. So every order of calls of any number of workers can be
played, on one clock, and played again. A switch of threads would cost more than the call it stands before.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from greenlet import greenlet


class Killed(BaseException):
    """No exception that code could handle: the process is gone."""


class Worker(greenlet):
    """`work` begins with the first turn; a turn ends at a door, once `steps` doors were passed, or with the work."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__()
        self.name = name
        self.result: object = None
        self.error: BaseException | None = None
        self.begun = False
        self.done = False
        self.killed = False
        self.stands_still = False
        self.read_at = 0.0  # when it last looked at the store
        self._work = work
        self._steps = 0

    def turn(self, steps: int) -> None:
        """Lets it pass that many doors."""
        self._steps, self.begun = steps, True
        self.switch()

    def door(self) -> None:
        """Called by the worker itself before a call that leaves it."""
        if self.killed:
            raise Killed
        if self._steps <= 0:
            self.parent.switch()
            if self.killed:
                raise Killed
        self._steps -= 1

    def stand_still(self) -> None:
        """Called by the worker itself: its turn ends, and whoever gives it the next one decides when."""
        self.stands_still = True
        self.parent.switch()
        self.stands_still = False
        if self.killed:
            raise Killed

    def kill(self) -> None:
        """It gets no further than where it stands."""
        self.killed = True
        while self.begun and not self.done:
            self.turn(1_000_000)

    def run(self) -> None:
        try:
            self.result = self._work()
        except Killed:
            self.result = None
        except BaseException as error:
            self.error = error
        self.done = True


class InlineExecutor(Executor):
    """Stands where a thread pool stands, so that a worker is one thread and its calls have one order."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Sizes and names of pools mean nothing here."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future
