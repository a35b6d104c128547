"""Leases: who works on a document, and the proof that it is still that worker who writes.

A claim raises the document's `attempt` by compare-and-set and holds it until `lease_until`; a heartbeat renews it. Every write
of the holder is fenced by the document's revision, so a worker that lost its lease can no longer change anything.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from shared import logging
from shared.config import Settings
from shared.domain.documents import Work
from shared.domain.failures import FailureCode
from shared.store.documents import Batch, Changed, Store
from shared.work.outcomes import GiveUp, LeaseLost, Retry, Throttled

W = TypeVar("W", bound=Work)

LEASE = timedelta(seconds=60)
RENEWALS = 3  # of a lease, until it would have run out
AGAIN_SECONDS = 2.0  # after a renewal that failed
WAKE_GRACE = timedelta(seconds=60)  # after a lease ran out, how long before the sweep sends the message again
MAX_FAILURES = 5

Heartbeat = Callable[[Callable[[], None]], AbstractContextManager[None]]


@contextmanager
def thread_heartbeat(beat: Callable[[], None], every: float) -> Iterator[None]:
    """Calls `beat` every so many seconds from a thread until the block is left."""
    stop = threading.Event()

    def run() -> None:
        pause = every
        while not stop.wait(pause):
            pause = every
            try:
                beat()
            except Exception as error:  # a passing fault of the store must not cost the lease
                logging.warning("a lease was not renewed", reason=type(error).__name__)
                pause = AGAIN_SECONDS

    thread = threading.Thread(target=run, name="lease-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Claim(Generic[W]):
    """A held document. `commit` writes a batch together with changes of the held document, fenced."""

    def __init__(self, store: Store, document: W, lease: timedelta = LEASE) -> None:
        self._store = store
        self._lease = lease
        self.document = document
        self._lock = threading.Lock()
        self._lost = False
        self._done = False

    @property
    def lost(self) -> bool:
        """True once a renewal found another holder; long work looks here and stops."""
        return self._lost

    def renew(self) -> None:
        with self._lock:
            if self._done or self._lost:
                return
            if self.document.lease_until is not None and self.document.lease_until <= self._store.clock():
                self._lost = True  # nobody may have taken it yet, but from now on somebody can
                return
            until = self._store.clock() + self._lease
            batch = self._store.batch()
            batch.change(self.document, lease_until=until, wake_at=until + WAKE_GRACE)
            try:
                batch.commit()
            except Changed:
                self._lost = True

    def save(self, batch: Batch, **values: Any) -> None:
        """A write on the way: fenced like the last one, and the lease goes on."""
        with self._lock:
            if self._lost:
                raise LeaseLost
            batch.change(self.document, **values)
            try:
                batch.commit()
            except Changed as error:
                self._lost = True
                raise LeaseLost from error

    def keep(self, **values: Any) -> None:
        """Changes the held document on the way; the lease goes on. Raises `LeaseLost` if somebody else has changed it."""
        self.save(self._store.batch(), **values)

    def commit(self, batch: Batch, **values: Any) -> None:
        """The holder's last write: ends the lease together with everything else in the batch."""
        with self._lock:
            if self._lost:
                raise LeaseLost
            batch.change(self.document, lease_until=None, **values)
            try:
                batch.commit()
            except Changed as error:
                raise LeaseLost from error
            self._done = True


class Claims:
    """Takes leases of length `lease` and renews each three times before it would run out."""

    def __init__(self, store: Store, heartbeat: Heartbeat | None = None, lease: timedelta = LEASE) -> None:
        self._store = store
        self._lease = lease
        self._heartbeat = heartbeat or partial(thread_heartbeat, every=lease.total_seconds() / RENEWALS)

    @contextmanager
    def hold(self, document: W, **values: Any) -> Iterator[Claim[W]]:
        """Holds the document while the block runs; `values` are set with the claim (a status, a start time).

        Raises `Throttled` if somebody else holds it, `GiveUp` when the attempts are used up. A `GiveUp` out of the block leaves
        the lease in hand, so that the caller can write the failure; any other exception gives the lease back.
        """
        self._take(document, values)
        claim = Claim(self._store, document, self._lease)
        try:
            with self._heartbeat(claim.renew):
                yield claim
        except GiveUp:
            raise
        except LeaseLost:
            # Something else in the last batch may have changed: give back what is perhaps still ours, fenced as ever.
            self._release(document, failures=document.failures, after=0.0)
            raise
        except Throttled as error:
            self._release(document, failures=document.failures, after=error.after)
            raise
        except Changed as error:
            self._release(document, failures=document.failures, after=0.0)
            raise Retry("something beside it changed") from error
        except Exception as error:
            failures = document.failures + 1
            if failures >= MAX_FAILURES:
                raise GiveUp(
                    FailureCode.ATTEMPTS_EXHAUSTED, f"given up after {failures} attempts: {error}", retryable=True
                ) from error
            self._release(document, failures=failures, after=0.0)
            raise

    def _take(self, document: Work, values: dict[str, Any]) -> None:
        now = self._store.clock()
        if document.lease_until is not None and document.lease_until > now:
            raise Throttled((document.lease_until - now).total_seconds() + 1, "another worker holds it")
        abandoned = document.lease_until is not None  # its holder died without giving it back
        batch = self._store.batch()
        batch.change(
            document,
            attempt=document.attempt + 1,
            failures=document.failures + (1 if abandoned else 0),
            lease_until=now + self._lease,
            wake_at=now + self._lease + WAKE_GRACE,
            **values,
        )
        try:
            batch.commit()
        except Changed as error:
            raise Retry("another worker was quicker") from error
        if document.failures >= MAX_FAILURES:
            raise GiveUp(FailureCode.ATTEMPTS_EXHAUSTED, f"the worker died {document.failures} times on this", retryable=True)

    def _release(self, document: Work, *, failures: int, after: float) -> None:
        batch = self._store.batch()
        wake_at = self._store.clock() + timedelta(seconds=after) + WAKE_GRACE
        batch.change(document, lease_until=None, failures=failures, wake_at=wake_at)
        try:
            batch.commit()
        except Changed:
            return  # lost meanwhile: the new holder's word counts


def connect(settings: Settings, store: Store, most: timedelta = LEASE) -> Claims:
    """`most` is for stages somebody waits for: a dead worker's work is taken over sooner, at the price of more renewals."""
    return Claims(store, lease=min(most, timedelta(seconds=settings.lease_seconds)))
