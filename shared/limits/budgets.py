"""Budgets of requests: leased from the store in slices and spent in memory, so that a request costs no write.

An instance may spend a fiftieth of a limit before it leases anything: those who ask little never cause a write. What it spent
that way is paid with its next lease, so all instances together exceed a limit by at most a fiftieth of it each. Slices get
smaller as the limit comes near, so little is left unspent in an instance where another needs it.
"""

import math
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.api_core import exceptions as google_errors

from shared import logging
from shared.domain.limits import Limit, RateBudget
from shared.store.documents import Changed, Store

MINUTE, HOUR = 60, 3600
_TRIES = 6
_KEPT = timedelta(hours=2)
_FREE_SHARE, _SLICE_SHARE = 50, 20


@dataclass
class Window:
    """One window of one budget as this instance sees it; `known` is what the store held at the last lease."""

    seconds: int
    limit: int = 0
    number: int = -1
    spent: int = 0
    granted: int = 0
    known: int = 0
    exhausted: bool = False

    def turn_to(self, now: float) -> None:
        """Begins anew where the clock has left the window."""
        number = int(now // self.seconds)
        if number > self.number:
            self.number, self.spent, self.granted, self.known, self.exhausted = number, 0, 0, 0, False

    @property
    def owed(self) -> int:
        """Spent before it was leased."""
        return max(0, self.spent - self.granted)

    @property
    def used(self) -> int:
        """By everybody, as far as this instance knows."""
        return max(0, self.known + self.spent - self.granted)

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_over(self) -> bool:
        return self.spent >= self.limit or (self.exhausted and self.spent >= self.granted)

    @property
    def has_room(self) -> bool:
        return self.spent < self.granted + (0 if self.exhausted else self.limit // _FREE_SHARE)

    def resets_in(self, now: float) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil((self.number + 1) * self.seconds - now))

    def take(self, used: int) -> int:
        """How much is used once this lease is written: what is owed is paid, and where it is needed a slice is taken."""
        owed, left, share = self.owed, self.limit - used - self.owed, 0
        if not self.has_room:
            self.exhausted = left < 1
            share = max(0, min(left, max(1, min(self.limit // _SLICE_SHARE, math.ceil(left / 4)))))
        self.granted += owed + share
        self.known = used + owed + share
        return self.known


@dataclass
class Budget:
    """One tenant's or one key's share of one category. Safe for threads: those of another budget never wait for its lock."""

    budget_id: str
    tenant: str
    category: str
    minute: Window = field(default_factory=lambda: Window(MINUTE))
    hour: Window = field(default_factory=lambda: Window(HOUR))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def windows(self) -> tuple[Window, Window]:
        return self.minute, self.hour

    @property
    def tightest(self) -> Window:
        return min(self.windows, key=lambda window: window.remaining)

    def spend(self, limit: Limit, store: Store) -> Window | None:
        """Spends one; the window that has nothing left where it may not."""
        with self._lock:
            now = store.clock().timestamp()
            self._turn_to(limit, now)
            if not self._over() and not all(window.has_room for window in self.windows):
                self._lease(store)
            over = self._over()
            if over is None:
                for window in self.windows:
                    window.spent += 1
            return over

    def give_back(self) -> None:
        """One that was spent for a request which another budget refused."""
        with self._lock:
            for window in self.windows:
                window.spent = max(0, window.spent - 1)

    def look(self, limit: Limit, store: Store) -> None:
        """Brings what is known of other instances up to date; spends nothing."""
        with self._lock:
            self._turn_to(limit, store.clock().timestamp())
            held = store.get(RateBudget, self.budget_id)
            for window, (number, used) in zip(self.windows, _numbers(held), strict=True):
                window.known = used if number == window.number else 0

    def _turn_to(self, limit: Limit, now: float) -> None:
        self.minute.limit, self.hour.limit = limit.minute, limit.hour
        for window in self.windows:
            window.turn_to(now)

    def _over(self) -> Window | None:
        """The hour first: who waits for it waits longest."""
        return next((window for window in (self.hour, self.minute) if window.is_over), None)

    def _lease(self, store: Store) -> None:
        """Where the store cannot be asked the request passes: a limit is no reason to be down."""
        for _ in range(_TRIES):
            before = [(window.granted, window.known, window.exhausted) for window in self.windows]
            try:
                return self._exchange(store)
            except Changed:  # another instance was quicker
                for window, (granted, known, exhausted) in zip(self.windows, before, strict=True):
                    window.granted, window.known, window.exhausted = granted, known, exhausted
            except (google_errors.GoogleAPICallError, ConnectionError) as error:
                logging.warning("rate budget not leased", tenant=self.tenant, reason=type(error).__name__)
                break
        for window in self.windows:
            window.granted += max(1, window.limit // _SLICE_SHARE)

    def _exchange(self, store: Store) -> None:
        now, held = store.clock(), store.get(RateBudget, self.budget_id)
        taken = []
        for window, (number, used) in zip(self.windows, _numbers(held), strict=True):
            window.turn_to(number * window.seconds)  # another instance's clock may be a little ahead
            taken.append(window.take(used if number == window.number else 0))
        values: dict[str, Any] = {
            "minute": self.minute.number,
            "minute_used": taken[0],
            "hour": self.hour.number,
            "hour_used": taken[1],
            "expires_at": now + _KEPT,
        }
        batch = store.batch()
        if held is None:
            kept = RateBudget(
                created_at=now, updated_at=now, budget_id=self.budget_id, tenant=self.tenant, category=self.category
            )
            for name, value in values.items():
                setattr(kept, name, value)
            batch.create(kept)
        else:
            batch.change(held, **values)
        batch.commit()


def _numbers(held: RateBudget | None) -> list[tuple[int, int]]:
    return [(held.minute, held.minute_used), (held.hour, held.hour_used)] if held else [(-1, 0), (-1, 0)]
