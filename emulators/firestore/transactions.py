"""Transactions: what each has read, how long it may live, and who goes first where several fight.

They are optimistic: a transaction that commits checks that everything it read is still so, and is ABORTED if not, so nobody
ever waits for a lock held by a client that is gone. Where that has just happened, the retries are told to queue
(`may_read`), so that they succeed one after another instead of aborting each other.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from emulators.clock import Clock

from .names import DocumentName
from .refusal import invalid

LIFETIME_S = 270.0
IDLE_S = 60.0
_CONTENDED_S = 2.0


@dataclass
class Transaction:
    """`snapshot` is the time in microseconds a read-only transaction reads at, else None."""

    id: bytes
    database: str
    began: float
    used: float
    snapshot: int | None = None
    documents: dict[DocumentName, int | None] = field(default_factory=dict)
    queries: list[tuple[Any, tuple]] = field(default_factory=list)
    claims: set[DocumentName] = field(default_factory=set)


class Transactions:
    """The transactions under way. Not thread-safe: the engine holds its lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[bytes, Transaction] = {}
        self._contended: dict[DocumentName, float] = {}
        self._claimed: dict[DocumentName, Transaction] = {}

    def begin(self, database: str, snapshot: int | None) -> Transaction:
        now = self._clock()
        for transaction in [t for t in self._open.values() if self._expired(t, now)]:
            self.end(transaction)
        transaction = Transaction(secrets.token_bytes(16), database, now, now, snapshot)
        self._open[transaction.id] = transaction
        return transaction

    def get(self, number: bytes, database: str) -> Transaction:
        """A transaction that is still alive; using it keeps it so."""
        transaction = self._open.get(number)
        now = self._clock()
        if transaction is not None and self._expired(transaction, now):
            self.end(transaction)
            transaction = None
        if transaction is None or transaction.database != database:
            raise invalid("The referenced transaction has expired or is no longer valid.")
        transaction.used = now
        return transaction

    def abandon(self, number: bytes) -> None:
        """Ends a transaction; one that is over already, as after a refused commit, is no mistake."""
        transaction = self._open.get(number)
        if transaction is not None:
            self.end(transaction)

    def end(self, transaction: Transaction) -> None:
        self._open.pop(transaction.id, None)
        for name in transaction.claims:
            if self._claimed.get(name) is transaction:
                del self._claimed[name]

    def clear(self) -> None:
        self._open.clear()
        self._contended.clear()
        self._claimed.clear()

    def oldest_snapshot(self) -> int | None:
        """The earliest time that a read-only transaction still reads at."""
        now = self._clock()
        return min(
            (t.snapshot for t in self._open.values() if t.snapshot is not None and not self._expired(t, now)),
            default=None,
        )

    def contended(self, names: list[DocumentName]) -> None:
        """Remembers for a moment that a transaction was aborted over these documents."""
        now = self._clock()
        for name in [n for n, until in self._contended.items() if until < now]:
            del self._contended[name]
        for name in names:
            self._contended[name] = now + _CONTENDED_S

    def may_read(self, transaction: Transaction, names: list[DocumentName]) -> bool:
        """Whether it is this transaction's turn with documents that were just fought over; if so it keeps the turn."""
        if not self._contended:
            return True
        now = self._clock()
        wanted = [name for name in names if self._contended.get(name, 0.0) >= now]
        for name in wanted:
            holder = self._claimed.get(name)
            if holder is not None and holder is not transaction and not self._expired(holder, now):
                return False
        for name in wanted:
            self._claimed[name] = transaction
            transaction.claims.add(name)
        return True

    def _expired(self, transaction: Transaction, now: float) -> bool:
        return now - transaction.began > LIFETIME_S or now - transaction.used > IDLE_S
