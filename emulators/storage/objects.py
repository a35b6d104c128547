"""Objects: whole or absent, each change with its event in the same transaction."""

import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from . import listing, records
from .buckets import Buckets
from .contents import BLOCK, Draft
from .errors import Resource, invalid, no_such_object, not_found
from .notifications import Notifications
from .preconditions import Preconditions
from .records import Record
from .state import State

Also = Callable[[sqlite3.Connection, Record], None]
ANY = Preconditions()
MIB = 1 << 20
MAX_COMPOSED = 32


@dataclass(frozen=True)
class Source:
    """An object to read from; `generation=None` means whichever is there."""

    bucket: str
    name: str
    generation: int | None = None
    conditions: Preconditions = ANY


@dataclass(frozen=True)
class Target:
    """Where a new object goes, with what fields, and under which conditions."""

    bucket: str
    name: str
    fields: dict[str, Any]
    conditions: Preconditions = ANY


class Objects:
    """All objects of all buckets. An overwritten or deleted one is gone: there are no noncurrent versions."""

    def __init__(self, state: State, buckets: Buckets, notifications: Notifications) -> None:
        self._state = state
        self._buckets = buckets
        self._notifications = notifications

    def check(self, target: Target) -> None:
        """Raises what `put` would raise for this target as things stand, before any byte is sent."""
        records.check_name(target.name)
        with self._state.reading() as db:
            self._buckets.require(db, target.bucket)
            target.conditions.check(records.find(db, target.bucket, target.name))

    def put(self, target: Target, draft: Draft, components: int | None = None, also: Also | None = None) -> Record:
        """The draft's bytes become the object. `components` counts the parts of a composed one, which has no MD5.

        `also` is done in the same transaction.
        """
        md5 = draft.sums.md5 if components is None else None
        size, crc32c = draft.size, draft.sums.crc32c
        return self._place(target, self._state.contents.keep(draft), size, md5, crc32c, components, also)

    def get(self, source: Source) -> Record:
        with self._state.reading() as db:
            self._buckets.require(db, source.bucket)
            record = records.find(db, source.bucket, source.name)
            return _chosen(record, source)

    def open(self, source: Source) -> tuple[Record, BinaryIO]:
        """The object and its bytes, which stay readable if it is overwritten meanwhile; the caller closes the file."""
        with self._state.reading() as db:
            self._buckets.require(db, source.bucket)
            record = _chosen(records.find(db, source.bucket, source.name), source)
            return record, self._state.contents.open(record.content)

    def page(self, bucket: str, query: listing.Query) -> listing.Page:
        with self._state.reading() as db:
            self._buckets.require(db, bucket)
            return listing.page(db, bucket, query)

    def patch(self, source: Source, changes: Resource, replacing: bool = False) -> Record:
        """Changes metadata only; `replacing` starts from none, as an update does."""
        with self._state.writing() as db:
            self._buckets.require(db, source.bucket)
            found = records.find(db, source.bucket, source.name)
            record = _chosen(found, source, reading=False)
            changed = replace(
                record,
                fields=records.merged({} if replacing else record.fields, changes),
                metageneration=record.metageneration + 1,
                updated=self._state.clock(),
            )
            records.store(db, changed)
            self._notifications.record(db, "OBJECT_METADATA_UPDATE", changed)
        return changed

    def delete(self, source: Source) -> None:
        with self._state.writing() as db:
            self._buckets.require(db, source.bucket)
            found = records.find(db, source.bucket, source.name)
            record = _chosen(found, source, reading=False)
            db.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", (record.bucket, record.name))
            self._notifications.record(db, "OBJECT_DELETE", record)
        self._state.contents.remove(record.content)

    def compose(self, target: Target, sources: list[Source]) -> Record:
        """Joins 1 to 32 objects of one bucket, in order."""
        if not 1 <= len(sources) <= MAX_COMPOSED:
            raise invalid(f"Compose takes 1 to {MAX_COMPOSED} objects.")
        draft = self._state.contents.draft()
        components = 0
        try:
            self.check(target)
            for source in sources:
                record, file = self.open(source)
                components += record.components or 1
                with file:
                    while block := file.read(BLOCK):
                        draft.write(block)
            return self.put(target, draft, components)
        except BaseException:
            draft.discard()
            raise

    def copy(self, source: Source, target: Target, fields: Resource | None) -> Record:
        """The same bytes as a new object; `fields=None` takes the source's."""
        with self._state.reading() as db:
            self._buckets.require(db, source.bucket)
            record = _chosen(records.find(db, source.bucket, source.name), source, reading=False)
            twin = self._state.contents.duplicate(record.content)
        kept = record.fields if fields is None else records.writable(fields)
        return self._place(replace(target, fields=kept), twin, record.size, record.md5, record.crc32c, record.components)

    def rewrite(self, source: Source, target: Target, fields: Resource | None, token: str, per_call: int | None) -> Resource:
        """A copy in steps of `per_call` bytes; until the last the answer carries the token to go on with.

        A token is bound to its source's generation and its target, as in production.
        """
        if per_call is not None and (per_call <= 0 or per_call % MIB):
            raise invalid("maxBytesRewrittenPerCall must be a multiple of 1 MiB.")
        record = self.get(source)
        bound = [record.bucket, record.name, record.generation, target.bucket, target.name]
        moved = self._progress(token, bound) if token else 0
        moved = record.size if per_call is None else min(record.size, moved + per_call)
        answer: Resource = {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": str(moved),
            "objectSize": str(record.size),
            "done": moved == record.size,
        }
        if moved < record.size:
            answer["rewriteToken"] = token = token or secrets.token_urlsafe(24)
            with self._state.writing() as db:
                values = (token, self._state.clock(), json.dumps([bound, moved]))
                db.execute("INSERT OR REPLACE INTO rewrites VALUES (?, ?, ?)", values)
            return answer
        answer["resource"] = self.copy(replace(source, generation=record.generation), target, fields)
        with self._state.writing() as db:
            db.execute("DELETE FROM rewrites WHERE token = ?", (token,))
        return answer

    def _progress(self, token: str, bound: list[Any]) -> int:
        with self._state.reading() as db:
            row = db.execute("SELECT state FROM rewrites WHERE token = ?", (token,)).fetchone()
        if row is None:
            raise not_found("that rewrite token")
        owner, moved = json.loads(row[0])
        if owner != bound:
            raise invalid("The rewrite token belongs to another source or target.")
        return int(moved)

    def _place(
        self,
        target: Target,
        content: str,
        size: int,
        md5: str | None,
        crc32c: str,
        components: int | None,
        also: Also | None = None,
    ) -> Record:
        """Row last: until the transaction commits, the content is an orphan that the next start sweeps away."""
        try:
            records.check_name(target.name)
            with self._state.writing() as db:
                self._buckets.require(db, target.bucket)
                old = records.find(db, target.bucket, target.name)
                target.conditions.check(old)
                now, generation = self._state.clock(), self._state.next_generation(db)
                record = Record(
                    target.bucket, target.name, generation, 1, content, size, md5, crc32c, now, now, components,
                    target.fields,
                )  # fmt: skip
                records.store(db, record)
                if also is not None:
                    also(db, record)
                if old is None:
                    self._notifications.record(db, "OBJECT_FINALIZE", record)
                else:
                    self._notifications.record(db, "OBJECT_FINALIZE", record, overwroteGeneration=old.generation)
                    self._notifications.record(db, "OBJECT_DELETE", old, overwrittenByGeneration=generation)
        except BaseException:
            self._state.contents.remove(content)
            raise
        if old is not None:
            self._state.contents.remove(old.content)
        return record


def _chosen(record: Record | None, source: Source, reading: bool = True) -> Record:
    if record is None or source.generation not in (None, record.generation):
        raise no_such_object(source.bucket, source.name)
    source.conditions.check(record, reading)
    return record
