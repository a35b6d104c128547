"""Gapless numbers for the events of a tenant, given by one writer after they were committed.

Readers of the stream see numbered rows only. A row that was committed late simply gets a later number, so nobody who resumes
after a number can miss one.
"""

import threading
from dataclasses import dataclass, field

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.events import Event, EventLog
from shared.messaging.messages import EventHappened
from shared.store.documents import Changed, Store
from shared.work.outcomes import Throttled

BATCH = 100
ROUNDS = 20
STRIPES = 64


def _locks() -> tuple[threading.Lock, ...]:
    return tuple(threading.Lock() for _ in range(STRIPES))


@dataclass(frozen=True)
class Deps:
    """One turn at a time for a tenant in this instance: side by side they would only be each other's losers."""

    store: Store
    locks: tuple[threading.Lock, ...] = field(default_factory=_locks)


def sequence_events(message: EventHappened, deps: Deps) -> None:
    """Numbers all events of the tenant that have none, whichever one the message is about."""
    with deps.locks[hash(message.tenant) % STRIPES]:
        event = deps.store.get(Event, message.tenant, message.event_id)
        if event is not None and event.seq is not None:
            return  # a turn before this one has taken it along
        for _ in range(ROUNDS):
            try:
                if not _number_some(message.tenant, deps.store):
                    return
            except Changed:
                continue  # another instance numbers the same tenant: look again what is left
    raise Throttled(1.0, "more events than one turn numbers")


def _number_some(tenant: str, store: Store) -> bool:
    """Numbers one batch; False when there was nothing left."""
    log = store.get(EventLog, tenant)
    unnumbered = store.collection(Event, tenant).where(filter=FieldFilter("seq", "==", None)).order_by("created_at").limit(BATCH)
    events = list(store.stream(Event, unnumbered))
    if not events:
        return False
    batch = store.batch()
    if log is None:
        now = store.clock()
        log = EventLog(created_at=now, updated_at=now, tenant=tenant)
        log.last_seq = len(events)
        batch.create(log)
        first = 1
    else:
        first = log.last_seq + 1
        batch.change(log, last_seq=log.last_seq + len(events))
    for offset, event in enumerate(events):
        batch.change(event, seq=first + offset)
    batch.commit()
    return len(events) == BATCH
