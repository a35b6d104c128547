"""Firestore without a socket: documents, queries and transactions of any number of projects and databases."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.clock import Clock

from . import execute, writes
from .catalogue import Catalogue
from .entries import Indexer
from .execute import Overlay
from .messages import Document, Write, micros_of
from .names import DocumentName, check_segment, database_of, parse_document, parse_parent
from .plan import Planner
from .query import parse_query
from .refusal import Refused, invalid
from .reindexing import bring_up_to_date
from .required import require_index
from .store import Store
from .transactions import Transaction, Transactions

MAX_PAGE = 300


@dataclass(frozen=True)
class Committed:
    """The time of a commit in microseconds, and a result for each write in turn."""

    at: int
    results: list[Any]


class Engine:
    """One Firestore. Everything it does takes its one lock, so it may be called from any thread.

    With `path=None` it lives in memory. `indexes` names a `firestore.indexes.json`; queries that need a composite index
    which is not in it are refused as in production. Without it no query is refused for want of an index.
    """

    def __init__(self, path: Path | None, clock: Clock, indexes: Path | None = None) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._catalogue = Catalogue(indexes)
        self._store = Store(path)
        self._indexer = Indexer(self._catalogue, self._store.definition)
        self._planner = Planner(self._store, self._catalogue)
        self._transactions = Transactions(clock)
        self._history: list[tuple[int, DocumentName, bytes | None]] = []
        self._last_commit = int(self._store.recall("last_commit") or 0)
        bring_up_to_date(self._store, self._catalogue)

    # --- life

    def reset(self, *, and_time: bool = False) -> None:
        """Forgets every document and transaction of every project.

        `and_time` also forgets when the last commit was, for a clock that was set back: else time goes on from there.
        """
        with self._lock:
            self._store.wipe()
            self._transactions.clear()
            self._history.clear()
            self._last_commit = 0 if and_time else self._last_commit
            self._store.remember("indexes", self._catalogue.fingerprint)
            self._store.remember("last_commit", self._last_commit)

    def close(self) -> None:
        with self._lock:
            self._store.close()

    def now(self) -> int:
        """The time reads are made at, in microseconds: never before the last commit."""
        return max(int(self._clock() * 1_000_000), self._last_commit)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._store.writing():
                yield
        except BaseException:
            # Numbers of definitions given inside the step are gone with it.
            self._indexer = Indexer(self._catalogue, self._store.definition)
            raise

    # --- transactions

    def begin(self, database: str, read_only: bool = False) -> bytes:
        with self._lock:
            database = database_of(database)
            return self._transactions.begin(database, self.now() if read_only else None).id

    def rollback(self, database: str, number: bytes) -> None:
        with self._lock:
            database_of(database)
            self._transactions.abandon(number)

    def may_read(self, database: str, number: bytes, names: Iterable[str]) -> bool:
        """Whether a transaction should read these documents now, or had better wait for another to finish with them."""
        with self._lock:
            transaction = self._transactions.get(number, database_of(database))
            return self._transactions.may_read(transaction, [parse_document(name) for name in names])

    def _reader(self, database: str, number: bytes) -> tuple[Transaction | None, Overlay]:
        """The transaction of a read, if any, and what it must see instead of what is stored."""
        if not number:
            return None, {}
        transaction = self._transactions.get(number, database)
        overlay: Overlay = {}
        if transaction.snapshot is not None:
            for at, name, data in self._history:
                if at > transaction.snapshot:
                    overlay.setdefault(name, data)
        return transaction, overlay

    def _check_unchanged(self, transaction: Transaction) -> None:
        """Aborts a transaction when something it read has changed since."""
        changed = [n for n, seen in transaction.documents.items() if self._version(n) != seen]
        if not changed:
            for repeat, seen in transaction.queries:
                now = repeat()
                if now != seen:
                    changed += [parse_document(name) for name, _ in set(now) ^ set(seen)]
        if changed:
            self._transactions.end(transaction)
            self._transactions.contended(changed)
            raise Refused("ABORTED", "Too much contention on these documents. Please try again: " + changed[0].full)

    def _version(self, name: DocumentName) -> int | None:
        data = self._store.get(name)
        return None if data is None else micros_of(Document.FromString(data).update_time)

    # --- reading

    def get_documents(self, database: str, names: Iterable[str], number: bytes = b"") -> list[tuple[str, Any | None]]:
        """Each name once with its document, or None where there is none."""
        with self._lock:
            database = database_of(database)
            transaction, overlay = self._reader(database, number)
            found = []
            for full in dict.fromkeys(names):
                name = parse_document(full)
                if name.database != database:
                    raise invalid(f'"{full[:200]}" is not in {database}')
                data = overlay[name] if name in overlay else self._store.get(name)
                document = None if data is None else Document.FromString(data)
                if transaction is not None and transaction.snapshot is None:
                    version = None if document is None else micros_of(document.update_time)
                    transaction.documents.setdefault(name, version)
                found.append((full, document))
            return found

    def run_query(self, parent: str, wire: Any, number: bytes = b"") -> list[Any]:
        """The documents a structured query gives, in order and projected."""
        with self._lock:
            database, path = parse_parent(parent)
            query = parse_query(database, path, wire)
            for conjunction in query.alternatives:
                require_index(self._catalogue, query, conjunction)
            transaction, overlay = self._reader(database, number)
            found = list(execute.run(query, self._planner, overlay))
            if transaction is not None and transaction.snapshot is None:

                def repeat() -> tuple:
                    return _versions(execute.run(query, self._planner, {}))

                transaction.queries.append((repeat, _versions(found)))
            return [execute.projected(query, document) for document in found]

    def aggregate(self, parent: str, wire: Any, number: bytes = b"") -> dict[str, Any]:
        """Counts, sums and averages over a query, by alias."""
        with self._lock:
            database, path = parse_parent(parent)
            aggregations = list(wire.aggregations)
            query = parse_query(database, path, execute.up_to(aggregations, wire.structured_query))
            summed = execute.aggregated_fields(aggregations)
            for conjunction in query.alternatives:
                require_index(self._catalogue, query, conjunction, summed)
            transaction, overlay = self._reader(database, number)
            found = list(execute.run(query, self._planner, overlay))
            if transaction is not None and transaction.snapshot is None:

                def repeat() -> tuple:
                    return _versions(execute.run(query, self._planner, {}))

                transaction.queries.append((repeat, _versions(found)))
            return execute.aggregate(aggregations, found)

    def list_documents(
        self, parent: str, collection_id: str, page_size: int, after: str, show_missing: bool
    ) -> tuple[list[Any], str]:
        """A page of a collection by id, and the id to go on after (`""` at the end).

        With `show_missing` documents that do not exist but have something below them appear without times.
        """
        with self._lock:
            database, path = parse_parent(parent)
            check_segment(collection_id, "a collection id")
            size = min(page_size, MAX_PAGE) if page_size > 0 else MAX_PAGE
            collection = f"{path}/{collection_id}" if path else collection_id
            known = self._store.collection(database, collection)
            page: dict[str, Any] = {}
            if known is not None:
                low = after.encode() + b"\0" if after else b""
                for data in self._store.scan_collection(known.id, low, None, False):
                    document = Document.FromString(data)
                    page[document.name.rpartition("/")[2]] = document
                    if len(page) > size:
                        break
            if show_missing:
                for taken, ident in enumerate(self._store.segments_below(database, collection, after)):
                    if taken > size:
                        break
                    name = DocumentName(database, collection, ident)
                    page.setdefault(ident, Document(name=name.full))
            idents = sorted(page, key=str.encode)
            more = idents[size - 1] if len(idents) > size else ""
            return [page[ident] for ident in idents[:size]], more

    def list_collection_ids(self, parent: str, page_size: int, after: str) -> tuple[list[str], str]:
        """A page of the ids of the collections right below a document or the root, and the id to go on after."""
        with self._lock:
            database, path = parse_parent(parent)
            size = page_size if page_size > 0 else MAX_PAGE
            found: list[str] = []
            for segment in self._store.segments_below(database, path, after):
                if len(found) == size:
                    return found, found[-1]
                found.append(segment)
            return found, ""

    # --- writing

    def commit(self, database: str, requested: Iterable[Any], number: bytes = b"") -> Committed:
        """All the writes or none of them, in order, at one moment."""
        with self._lock:
            database = database_of(database)
            requested = list(requested)
            if number:
                transaction = self._transactions.get(number, database)
                if transaction.snapshot is not None and requested:
                    raise invalid("Cannot modify entities in a read-only transaction.")
                self._check_unchanged(transaction)
                # A commit that is refused ends its transaction too: its client may only begin another.
                self._transactions.end(transaction)
            now = self._next_commit()
            with self._writing():
                changes = _Changes(self, database, now)
                results = [changes.add(write) for write in requested]
                changes.store()
            return Committed(now, results)

    def batch_write(self, database: str, requested: Iterable[Any]) -> list[Any | Refused]:
        """Each write on its own: its result, or why it was refused."""
        with self._lock:
            database = database_of(database)
            requested = list(requested)
            targets = [writes.target(write) for write in requested]
            if len(set(targets)) != len(targets):
                raise invalid("a batch of independent writes names each document at most once")
            answers: list[Any | Refused] = []
            with self._writing():
                for write in requested:
                    changes = _Changes(self, database, self._next_commit())
                    try:
                        answers.append(changes.add(write))
                        changes.store()
                    except Refused as refused:
                        answers[len(answers) :] = [refused]
            return answers

    def _next_commit(self) -> int:
        self._last_commit = max(int(self._clock() * 1_000_000), self._last_commit + 1)
        return self._last_commit


class _Changes:
    """The documents one commit leaves behind, before they are stored. Used under the engine's lock."""

    def __init__(self, engine: Engine, database: str, now: int) -> None:
        self._engine = engine
        self._database = database
        self._now = now
        self._before: dict[DocumentName, tuple[bytes | None, Any | None]] = {}
        self._after: dict[DocumentName, Any | None] = {}

    def add(self, write: Write) -> Any:
        """Applies a write on top of those before it and gives its result."""
        name = writes.target(write)
        if name.database != self._database:
            raise invalid(f'"{name.full[:200]}" is not in {self._database}')
        if name not in self._before:
            data = self._engine._store.get(name)
            document = None if data is None else Document.FromString(data)
            self._before[name] = (data, document)
            self._after[name] = document
        outcome = writes.carry_out(write, name, self._after[name], self._now)
        self._after[name] = outcome.document
        return outcome.result

    def store(self) -> None:
        engine = self._engine
        store = engine._store
        watched = engine._transactions.oldest_snapshot() is not None
        if not watched:
            engine._history.clear()
        for name, document in self._after.items():
            data, before = self._before[name]
            if document is before:
                continue
            collection = store.make_collection(name.database, name.collection)
            old = set()
            if before is not None:
                old = engine._indexer.entries(name, before, collection.id, -collection.group)
            if document is None:
                store.delete(name, collection, old)
            else:
                new = engine._indexer.entries(name, document, collection.id, -collection.group)
                store.put(name, document.SerializeToString(), collection, new, old)
            if watched:
                engine._history.append((self._now, name, data))
        store.remember("last_commit", self._now)


def _versions(documents: Iterable[Any]) -> tuple:
    return tuple((document.name, micros_of(document.update_time)) for document in documents)
