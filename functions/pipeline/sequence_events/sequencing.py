"""Gapless numbers for the events of a tenant, given by one writer after they were committed.

Readers of the stream see numbered rows only. A row that was committed late simply gets a later number, so nobody who resumes
after a number can miss one.
"""

import threading
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.batches import batched
from shared.domain.events import Event, EventLog
from shared.messaging.messages import EventHappened
from shared.store.documents import Changed, Store
from shared.work.outcomes import Throttled

BATCH = 200  # events in one commit
ROUNDS = 20
STRIPES = 64


@dataclass
class _Turns:
    """Those of the tenants of one stripe, one at a time: side by side they would only be each other's losers.

    `began` is when the last turn that came to its end began to look, and whose it was. `told` are the events, by tenant, whose
    messages are here and that no turn has marked as told yet.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    tenant: str = ""
    began: float = 0.0
    told: dict[str, set[str]] = field(default_factory=dict)
    _told_lock: threading.Lock = field(default_factory=threading.Lock)

    def came(self, tenant: str, event_id: str) -> None:
        with self._told_lock:
            self.told.setdefault(tenant, set()).add(event_id)

    def here(self, tenant: str) -> frozenset[str]:
        with self._told_lock:
            return frozenset(self.told.get(tenant, ()))

    def done(self, tenant: str, event_ids: frozenset[str]) -> None:
        with self._told_lock:
            left = self.told.get(tenant, set()) - event_ids
            if left:
                self.told[tenant] = left
            else:
                self.told.pop(tenant, None)


def _stripes() -> tuple[_Turns, ...]:
    return tuple(_Turns() for _ in range(STRIPES))


@dataclass(frozen=True)
class Deps:
    """`pace` is how many seconds lie between two turns of a busy tenant at least: what comes meanwhile is numbered together."""

    store: Store
    pace: float = 0.0
    turns: tuple[_Turns, ...] = field(default_factory=_stripes)
    timer: Callable[[], float] = time.monotonic


def sequence_events(message: EventHappened, deps: Deps) -> None:
    """Numbers all events of the tenant that have none, whichever one the message is about.

    The row was there before the message was sent. A turn that began to look after the message came has therefore seen it.
    """
    came = deps.timer()
    turns = deps.turns[hash(message.tenant) % STRIPES]
    turns.came(message.tenant, message.event_id)
    with turns.lock:
        if turns.tenant == message.tenant and turns.began > came:
            return
        if turns.tenant == message.tenant and (early := turns.began + deps.pace - deps.timer()) > 0:
            time.sleep(early)
        began = deps.timer()
        told = turns.here(message.tenant)
        _number(message.tenant, told, deps.store)
        turns.done(message.tenant, told)
        turns.tenant, turns.began = message.tenant, began


def _number(tenant: str, told: frozenset[str], store: Store) -> None:
    numbered: set[str] = set()
    for _ in range(ROUNDS):
        try:
            some = _number_some(tenant, told, store)
            numbered |= some
            if len(some) < BATCH:
                _mark_told(tenant, told - numbered, store)
                return
        except Changed:
            continue  # another instance numbers the same tenant: look again what is left
    raise Throttled(1.0, "more events than one turn numbers")


def _number_some(tenant: str, told: frozenset[str], store: Store) -> set[str]:
    """Numbers one batch; answers whom."""
    unnumbered = store.collection(Event, tenant).where(filter=FieldFilter("seq", "==", None)).order_by("created_at").limit(BATCH)
    events = list(store.stream(Event, unnumbered))
    if not events:
        return set()
    log = store.get(EventLog, tenant)
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
        batch.change(event, seq=first + offset, told=event.event_id in told)
    batch.commit()
    return {event.event_id for event in events}


def _mark_told(tenant: str, event_ids: Set[str], store: Store) -> None:
    """Those that an earlier turn numbered before their messages came."""
    waiting = [event for event in store.get_all(Event, [(tenant, one) for one in event_ids if one]) if not event.told]
    for some in batched(waiting, BATCH):
        batch = store.batch()
        for event in some:
            batch.change(event, told=True)
        batch.commit()
