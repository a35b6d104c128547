"""Resumable uploads. A session's id is its credential; what it acknowledged survives a killed process."""

import json
import secrets
import sqlite3
import threading
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .checksums import Checksums, Declared
from .contents import Draft
from .errors import StorageError, invalid, not_found
from .objects import Objects, Target
from .preconditions import Preconditions
from .records import Record
from .state import State

QUANTUM = 256 * 1024
LIFETIME_S = 7 * 86_400


@dataclass(frozen=True)
class Session:
    """One upload in progress, done or cancelled. `received` counts acknowledged bytes; `limits` bounds the size."""

    id: str
    bucket: str
    name: str
    fields: dict[str, Any]
    conditions: dict[str, int | None]
    declared: dict[str, str | None]
    draft: str
    created: float
    origin: str | None = None
    limits: tuple[int, int] | None = None
    received: int = 0
    cancelled: bool = False
    result: dict[str, Any] | None = field(default=None)

    def target(self) -> Target:
        return Target(self.bucket, self.name, self.fields, Preconditions(**self.conditions))

    def record(self) -> Record | None:
        return None if self.result is None else Record(**self.result)


@dataclass(frozen=True)
class Span:
    """A `Content-Range`: where the body starts, where it ends (inclusive), and the total, each where known.

    `start=None` asks how far the upload has come; `whole` says that the body is all of the object.
    """

    start: int | None = None
    end: int | None = None
    total: int | None = None
    whole: bool = False


def check_size(size: int, limits: tuple[int, int] | None) -> None:
    """Raises as production does for `x-goog-content-length-range`; both bounds are included."""
    if limits is not None and size < limits[0]:
        raise invalid(f"The content is smaller than {limits[0]} bytes.", "EntityTooSmall")
    if limits is not None and size > limits[1]:
        raise invalid(f"The content is larger than {limits[1]} bytes.", "EntityTooLarge")


class Sessions:
    """All resumable sessions."""

    def __init__(self, state: State, objects: Objects) -> None:
        self._state = state
        self._objects = objects
        self._busy: set[str] = set()
        self._sums: dict[str, Checksums] = {}
        self._guard = threading.Lock()

    def start(
        self,
        target: Target,
        declared: Declared,
        origin: str | None = None,
        limits: tuple[int, int] | None = None,
    ) -> Session:
        self._objects.check(target)
        draft = self._state.contents.draft()
        draft.close()
        session = Session(
            secrets.token_urlsafe(48), target.bucket, target.name, target.fields, asdict(target.conditions),
            asdict(declared), draft.path.name, self._state.clock(), origin, limits,
        )  # fmt: skip
        self._save(session)
        return session

    def get(self, session_id: str) -> Session:
        with self._state.reading() as db:
            row = db.execute("SELECT state FROM sessions WHERE id = ?", (session_id,)).fetchone()
        if row is None:
            raise not_found("that upload session")
        session = Session(**json.loads(row[0]))
        if session.created + LIFETIME_S < self._state.clock():
            raise StorageError(410, "uploadSessionGone", "The upload session has expired.", "UploadSessionGone")
        return session

    def cancel(self, session_id: str) -> None:
        session = self.get(session_id)
        if session.result is None:
            self._save(replace(session, cancelled=True))
            self._state.contents.remove_draft(session.draft)

    def begin(self, session_id: str, span: Span) -> "Writing":
        """Opens the session for one request's body; nobody else may write to it meanwhile."""
        session = self.get(session_id)
        if session.cancelled:
            raise _cancelled()
        if session.result is not None:
            return Writing(self, session, span, None)
        if span.start is not None and span.start > session.received:
            message = f"The body begins at {span.start} but only {session.received} bytes have been received."
            raise StorageError(503, "backendError", message, "InvalidRange")
        with self._guard:
            if session_id in self._busy:
                raise StorageError(503, "backendError", "Another request is writing to this session.", "SlowDown")
            self._busy.add(session_id)
        try:
            if span.whole:
                session = replace(session, received=0)
            sums = self._sums.pop(session_id, None) if session.received else Checksums()
            draft = self._state.contents.reopen(session.draft, session.received, sums)
        except BaseException:
            self._busy.discard(session_id)
            raise
        return Writing(self, session, span, draft)

    def sweep(self) -> set[str]:
        """Forgets sessions older than a week and answers the drafts that the others still need."""
        with self._state.writing() as db:
            db.execute("DELETE FROM sessions WHERE created < ?", (self._state.clock() - LIFETIME_S,))
            return {row[0] for row in db.execute("SELECT draft FROM sessions")}

    def pause(self, session: Session, draft: Draft) -> Session:
        """Keeps what has come so far and lets the next request in."""
        try:
            draft.close()
            paused = replace(self.get(session.id), received=draft.size)
            if paused.cancelled:
                raise _cancelled()
            self._save(paused)
            self._sums[session.id] = draft.sums
            return paused
        finally:
            self._busy.discard(session.id)

    def complete(self, session: Session, draft: Draft, declared: Declared) -> Record:
        """Makes the object. If its sums or conditions are refused the session is over and the bytes are gone."""
        try:
            if self.get(session.id).cancelled:
                raise _cancelled()
            check_size(draft.size, session.limits)
            declared.or_else(Declared(**session.declared)).verify(draft.sums)
            record = self._objects.put(session.target(), draft, also=lambda db, made: _finish(db, session, made))
        except StorageError:
            draft.discard()
            self._forget(session)
            raise
        finally:
            self._busy.discard(session.id)
        return record

    def _forget(self, session: Session) -> None:
        with self._state.writing() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (session.id,))

    def _save(self, session: Session) -> None:
        with self._state.writing() as db:
            _store(db, session)


def _cancelled() -> StorageError:
    return StorageError(499, "clientClosedRequest", "The upload was cancelled.", "ClientClosedRequest")


def _store(db: sqlite3.Connection, session: Session) -> None:
    values = (session.id, session.created, session.draft, json.dumps(asdict(session)))
    db.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)", values)


def _finish(db: sqlite3.Connection, session: Session, record: Record) -> None:
    """In the object's own transaction, so that a client whose answer was lost can ask again and learn of it."""
    _store(db, replace(session, received=record.size, result=asdict(record)))


class Writing:
    """One request's body on its way into a session. Give it the blocks, then call `finish`, or `abort` if it broke off."""

    def __init__(self, sessions: Sessions, session: Session, span: Span, draft: Draft | None) -> None:
        self._sessions = sessions
        self._session = session
        self._span = span
        self._draft = draft
        self._skip = 0 if span.start is None else session.received - span.start
        self._tail = b""
        self._got = 0

    def write(self, data: bytes) -> None:
        """Bytes the session has already are skipped; only whole quanta (256 KiB) are kept before the end."""
        self._got += len(data)
        if self._draft is None:
            return
        if self._skip > 0:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._tail:
            data = self._tail + data
        whole = len(data) - len(data) % QUANTUM
        self._draft.write(data if whole == len(data) else data[:whole])
        self._tail = data[whole:]
        if self._session.limits is not None:
            check_size(max(self._draft.size, self._session.limits[0]), self._session.limits)

    def finish(self, declared: Declared) -> Record | Session:
        """The object if the upload is complete, else the session with what it has received."""
        if self._draft is None:
            record = self._session.record()
            assert record is not None
            return record
        span, size = self._span, self._draft.size + len(self._tail)
        expected = None if span.end is None or span.start is None else span.end - span.start + 1
        if expected is not None and self._got != expected:
            self.abort()
            raise invalid(f"Content-Range announces {expected} bytes, the body has {self._got}.")
        total = self._got if span.whole else span.total
        if total is not None and size > total:
            self.abort()
            raise invalid(f"The upload was to have {total} bytes and has {size}.")
        if total is None or size < total:
            return self._sessions.pause(self._session, self._draft)
        if self._tail:
            self._draft.write(self._tail)
        return self._sessions.complete(self._session, self._draft, declared)

    def abort(self) -> None:
        """The connection broke: what came in whole quanta stays, and the client may ask how much that is."""
        if self._draft is not None:
            self._sessions.pause(self._session, self._draft)
