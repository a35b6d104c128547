"""Several workers at the same time, one call after the other, in every order there is.

Each worker runs in a thread of its own and waits at the door of the store until it is its turn. A schedule says whose turn it is;
all schedules are gone through, depth first, by taking each recorded choice another way.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from emulators.faults import Fault, Faults

PATIENCE = 10.0  # seconds for one step, which takes milliseconds


class Turns(Faults):
    """`stops` are the operations before which a worker waits for its turn; others belong to the step they are in."""

    def __init__(self, stops: Sequence[str]) -> None:
        super().__init__()
        self._stops = frozenset(stops)
        self._change = threading.Condition()
        self._workers: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._working: set[int] = set()
        self._turn: int | None = None

    def stop_at(self, *stops: str) -> None:
        """For the plays to come."""
        self._stops = frozenset(stops)

    @contextmanager
    def around(self, operation: str) -> Iterator[Fault | None]:
        worker = self._workers.get(threading.get_ident())
        if worker is not None and operation in self._stops:
            with self._change:
                self._waiting.add(worker)
                self._change.notify_all()
                assert self._change.wait_for(lambda: self._turn == worker, PATIENCE)
                self._turn = None
                self._waiting.discard(worker)
        yield None

    def play(self, workers: Sequence[Callable[[], None]], schedule: Sequence[int]) -> list[tuple[int, list[int]]]:
        """Runs them by the schedule, and where that ends, the first that waits; each step's choice and who could have gone."""
        failures: list[BaseException] = []
        threads = [threading.Thread(target=self._run, args=(n, work, failures)) for n, work in enumerate(workers)]
        self._working = set(range(len(workers)))
        for thread in threads:
            thread.start()
        steps: list[tuple[int, list[int]]] = []
        while True:
            with self._change:
                assert self._change.wait_for(lambda: self._turn is None and self._waiting == self._working, PATIENCE)
                if not self._working:
                    break
                able = sorted(self._waiting)
                chosen = schedule[len(steps)] if len(steps) < len(schedule) else able[0]
                steps.append((chosen, able))
                self._turn = chosen
                self._change.notify_all()
        for thread in threads:
            thread.join(PATIENCE)
        if failures:
            raise failures[0]
        return steps

    def _run(self, number: int, work: Callable[[], None], failures: list[BaseException]) -> None:
        self._workers[threading.get_ident()] = number
        try:
            work()
        except BaseException as error:  # told by the thread that plays
            failures.append(error)
        finally:
            with self._change:
                self._working.discard(number)
                del self._workers[threading.get_ident()]
                self._change.notify_all()


def every_order(play: Callable[[Sequence[int]], list[tuple[int, list[int]]]]) -> int:
    """Calls `play` with every schedule there is; says how many those were."""
    todo: list[list[int]] = [[]]
    played = 0
    while todo:
        schedule = todo.pop()
        steps = play(schedule)
        played += 1
        chosen = [choice for choice, _ in steps]
        for at in range(len(schedule), len(steps)):
            todo += [[*chosen[:at], other] for other in steps[at][1] if other != chosen[at]]
    return played
