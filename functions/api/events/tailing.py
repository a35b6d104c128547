"""The newest of a tenant's log, read once for all who follow it in this process.

Only numbered events are read, and numbers are given without gaps in one order: whoever goes on behind a number misses nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.cloud.firestore_v1.base_query import FieldFilter

from shared import logging
from shared.domain.events import Event
from shared.store.documents import Store

REMEMBERED = 2_000  # events of a tenant; who is further behind reads for itself until it has caught up
PAGE = 500
BUSY_SECONDS, IDLE_SECONDS = 0.2, 0.8  # between looks: right after something came, and when nothing comes
_FAILURES = 5


class LogUnreadable(Exception):
    """The store did not answer several times in a row."""


def read_after(store: Store, tenant: str, seq: int, limit: int) -> list[Event]:
    """In the order of their numbers."""
    query = store.collection(Event, tenant).where(filter=FieldFilter("seq", ">", seq)).order_by("seq").limit(limit)
    return list(store.stream(Event, query))


class Tail:
    """`position` is the number up to which this one has read."""

    def __init__(self, store: Store, tenant: str, position: int) -> None:
        self._store = store
        self._tenant = tenant
        self._events: deque[Event] = deque(maxlen=REMEMBERED)
        self._begins = position + 1  # the lowest number the memory has, or will have
        self._news = asyncio.Event()
        self._failure: LogUnreadable | None = None
        self.position = position
        self.followers = 0

    async def after(self, seq: int, limit: int) -> list[Event]:
        """What there is behind a number; nothing yet for one that is at the end."""
        if self._failure is not None:
            raise self._failure
        if seq >= self.position:
            return []
        if seq + 1 < self._begins:
            return await asyncio.to_thread(read_after, self._store, self._tenant, seq, limit)
        skipped = seq + 1 - self._begins
        return [self._events[at] for at in range(skipped, min(len(self._events), skipped + limit))]

    async def wait(self, seconds: float) -> None:
        """Until something has come, or the time is over."""
        news = self._news
        try:
            await asyncio.wait_for(news.wait(), seconds)
        except TimeoutError:
            return

    async def run(self) -> None:
        pause, failures = BUSY_SECONDS, 0
        while True:
            try:
                found = await asyncio.to_thread(read_after, self._store, self._tenant, self.position, PAGE)
                failures = 0
            except Exception as error:  # whatever the store's client raises: this reader goes on, or all its followers end
                failures += 1
                logging.warning("a tenant's log was not read", reason=type(error).__name__, failures=failures)
                if failures >= _FAILURES:
                    self._failure = LogUnreadable(str(error))
                    self._tell()
                    return
                found = []
            if found:
                self._take(found)
            pause = BUSY_SECONDS if found else min(IDLE_SECONDS, pause * 1.5)
            if len(found) < PAGE:
                await asyncio.sleep(pause)

    def _take(self, found: list[Event]) -> None:
        for event in found:
            if event.seq != self.position + 1:  # rows in between have expired: nobody reads on from here out of memory
                self._events.clear()
            self._events.append(event)
            self.position = event.seq or 0
        self._begins = self._events[0].seq or 0
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Tails:
    """One tail for each tenant that somebody follows; it ends with its last follower."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: dict[str, tuple[Tail, asyncio.Task[None]]] = {}

    @asynccontextmanager
    async def following(self, tenant: str, position: int) -> AsyncIterator[Tail]:
        """`position` is where the log ended when the follower came."""
        known = self._running.get(tenant)
        if known is None or known[1].done():
            tail = Tail(self._store, tenant, position)
            known = self._running[tenant] = (tail, asyncio.ensure_future(tail.run()))
        tail, task = known
        tail.followers += 1
        try:
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers:
                task.cancel()
                if self._running.get(tenant) is known:
                    del self._running[tenant]

    @property
    def count(self) -> int:
        """How many logs are being read."""
        return len(self._running)
