"""Carries what an engine says is due, as soon as it is due, and tells the engine how it went."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from emulators.clock import Clock
from emulators.dispatch.carrier import Carry, carry
from emulators.dispatch.crew import Crew
from emulators.dispatch.delivery import Answer, Bearer, Delivery, Source
from emulators.faults import Faults, InjectedFault

Sign = Callable[[str, str], str]

log = logging.getLogger(__name__)

# A wait is counted in the time this machine was awake; looking again now and then is for one that slept in between.
_LONGEST_WAIT = 30.0
_SHORTEST_WAIT = 0.0005
_TOKEN_SECONDS = 300.0


class Dispatcher:
    """One thread that asks what is due and a crew that carries it; `operation` is the name its faults are ordered by.

    `sign(audience, email)` makes the OIDC token of a delivery that asks for one; without it none is attached.
    """

    def __init__(
        self,
        source: Source,
        clock: Clock,
        faults: Faults,
        operation: str,
        sign: Sign | None = None,
        workers: int = 64,
        carrier: Carry = carry,
    ) -> None:
        self._source = source
        self._clock = clock
        self._faults = faults
        self._operation = operation
        self._sign = sign
        self._carry = carrier
        self._tokens: dict[Bearer, tuple[float, str]] = {}
        self._woken = threading.Event()
        self._crew = Crew(workers, operation, on_free=self._woken.set)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{operation}-dispatcher", daemon=True)
        source.on_change(self.wake)

    def start(self) -> "Dispatcher":
        self._thread.start()
        return self

    def wake(self) -> None:
        """Look again: something changed, or the clock was moved."""
        self._woken.set()

    def stop(self, grace: float = 5.0) -> bool:
        """Starts nothing more and waits up to `grace` seconds for what is under way; whether all of it ended."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()
        return self._crew.wait_until_idle(grace)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()  # before asking, so that a change while asking is not missed
            try:
                wait = self._dispatch()
            except Exception:  # a full disk, say: nothing is lost, and it must be tried again, not die in silence
                log.exception("%s: could not ask what is due", self._operation)
                wait = 1.0
            if wait is None or wait > 0:
                self._woken.wait(wait)

    def _dispatch(self) -> float | None:
        """Hands out what is due; answers how long nothing will be, in seconds (None: until something changes)."""
        free = self._crew.free
        if free <= 0:
            return None
        due = self._source.due(self._clock(), free)
        for delivery in due:
            self._crew.submit(partial(self._deliver, delivery))
        if due:
            return 0
        next_at = self._source.next_due_at()
        if next_at is None:
            return None
        return min(max(next_at - self._clock(), _SHORTEST_WAIT), _LONGEST_WAIT)

    def _deliver(self, delivery: Delivery) -> None:
        answer = self._answer(delivery)
        while True:
            try:
                return self._settle(delivery, answer)
            except Exception:  # the engine counts it as under way until it is told, so it has to be told
                log.exception("%s: could not settle a delivery", self._operation)
                if self._stopping.wait(1.0):
                    return

    def _answer(self, delivery: Delivery) -> Answer:
        try:
            with self._faults.around(self._operation):
                return self._carry(self._signed(delivery))
        except InjectedFault as fault:
            return Answer(fault.status)
        except Exception:
            log.exception("%s: could not carry a delivery", self._operation)
            return Answer(None)

    def _settle(self, delivery: Delivery, answer: Answer) -> None:
        if answer.status is not None and self._source.accepts(answer.status):
            self._source.succeeded(delivery.id, answer.status)
        else:
            self._source.failed(delivery.id, answer.status, answer.retry_after)

    def _signed(self, delivery: Delivery) -> Delivery:
        if delivery.bearer is None or self._sign is None:
            return delivery
        headers = {**delivery.headers, "Authorization": f"Bearer {self._token(delivery.bearer, self._sign)}"}
        return replace(delivery, headers=headers)

    def _token(self, bearer: Bearer, sign: Sign) -> str:
        """Kept for minutes, as Google does, since signing costs more than delivering."""
        now = self._clock()
        made_at, token = self._tokens.get(bearer, (float("-inf"), ""))
        if now - made_at > _TOKEN_SECONDS:
            token = sign(bearer.audience, bearer.email)
            self._tokens[bearer] = (now, token)
        return token
