"""Workers that take turns: each runs in a thread of its own, and only while it holds the baton.

A worker may lay the baton down at each call that leaves its process. So every order of calls of any number of workers can be
played, on one clock, and played again.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

PATIENCE = 30.0  # seconds of real time for one turn, which takes milliseconds


class Killed(BaseException):
    """No exception that code could handle: the process is gone."""


class Stuck(Exception):
    """A worker neither ended nor came to a door: it waits for something that only another worker could do."""


class Worker:
    """`work` begins with the first turn; a turn ends at a door, once `steps` doors were passed, or with the work."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self.result: object = None
        self.error: BaseException | None = None
        self.done = False
        self.killed = False
        self.read_at = 0.0  # when it last looked at the store
        self._work = work
        self._steps = 0
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.ident = 0

    def turn(self, steps: int, workers: dict[int, "Worker"]) -> None:
        """Lets it pass that many doors; `workers` is told which thread is whose."""
        self._steps = steps
        if not self.ident:
            self._thread.start()
            self.ident = self._thread.ident or 0
            workers[self.ident] = self
        self._mine.release()
        if not self._theirs.acquire(timeout=PATIENCE):
            raise Stuck(self.name)
        if self.done:
            self._thread.join()
            workers.pop(self.ident, None)

    def door(self) -> None:
        """Called by the worker itself before a call that leaves it."""
        if self.killed:
            raise Killed
        if self._steps > 0:
            self._steps -= 1
            return
        self._theirs.release()
        self._mine.acquire()
        self._steps -= 1
        if self.killed:
            raise Killed

    def _run(self) -> None:
        self._mine.acquire()
        try:
            self.result = self._work()
        except Killed:
            self.result = None
        except BaseException as error:
            self.error = error
        self.done = True
        self._theirs.release()


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
