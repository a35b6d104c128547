"""Reading and changing stored documents: always below a tenant, always by compare-and-set.

`Store` is the kernel the repositories stand on. Changes go through a `Batch`, which is one atomic commit: either every change
in it happened or none did, and a change to a document succeeds only if nobody changed it since it was read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from google.api_core import exceptions as google_errors
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import BaseQuery

from shared import tracing
from shared.config import Settings
from shared.domain.batches import batched
from shared.domain.clock import Clock, utc_now
from shared.domain.documents import Document, next_version
from shared.store import reading
from shared.store.blobs import Blobs, StoredBlobs
from shared.store.changed import Changed
from shared.store.codec import decode_values, document_path, encode, encode_values, field_mask, path_fields

D = TypeVar("D", bound=Document)

_SANE_ID = re.compile(r"^(?!__)[A-Za-z0-9_-]{1,128}$")
MAX_BATCH = 400  # writes in one commit; the request cap of 10 MiB is the harder limit for large rows


class Store:
    def __init__(self, db: firestore.Client, clock: Clock, blobs: Blobs) -> None:
        self.db = db
        self.clock = clock
        self.blobs = blobs

    def get(self, cls: type[D], *ids: str) -> D | None:
        """The document, or None. The ids are those in the path, the tenant first."""
        return next(iter(self.get_all(cls, [ids])), None)

    def get_all(self, cls: type[D], ids: Iterable[tuple[str, ...]], *, only: tuple[str, ...] = ()) -> list[D]:
        """Those of the documents that exist, in no promised order.

        `only` reads these fields and the required ones, which takes a fraction of the time; such copies cannot be written.
        """
        paths = [_path(cls, one) for one in ids]
        if not paths:
            return []
        mask = field_mask(cls, only) if only else None
        found = reading.read(self.db, paths, mask)
        return [decode_values(cls, path, values, when, self.blobs, whole=mask is None) for path, values, when in found]

    def collection(self, cls: type[Document], *ids: str) -> firestore.CollectionReference:
        """The collection of these documents below the given parent ids, the tenant first."""
        parent = "/".join(cls.PATH.split("/")[:-1])
        return self.db.collection(parent.format(**dict(zip(path_fields(cls)[:-1], ids, strict=True))))

    def across_tenants(self, cls: type[Document]) -> firestore.CollectionGroup:
        """For the system's own sweeps only: a query of a user never comes this way."""
        return self.db.collection_group(cls.PATH.split("/")[-2])

    def stream(self, cls: type[D], query: BaseQuery) -> Iterator[D]:
        for path, values, when in reading.query(self.db, query):
            yield decode_values(cls, path, values, when, self.blobs)

    def first(self, cls: type[D], query: BaseQuery) -> D | None:
        return next(self.stream(cls, query.limit(1)), None)

    def reference(self, document: Document) -> firestore.DocumentReference:
        return self.db.document(document_path(document))

    def create_once(self, document: D) -> D:
        """Creates it; where an earlier attempt of the same request already has, gives back what that one wrote."""
        batch = self.batch()
        batch.create(document)
        try:
            batch.commit()
            return document
        except Changed:
            path = document_path(document).split("/")[1::2]
            existing = self.get(type(document), *path)
            if existing is None:
                raise
            return existing

    def delete_all(self, cls: type[Document], query: BaseQuery) -> None:
        """Deletes what the query finds, a batch at a time, whoever changes it meanwhile."""
        for page in batched(self.stream(cls, query), MAX_BATCH):
            batch = self.batch()
            for document in page:
                batch.delete(document)
            batch.commit()

    def batch(self) -> "Batch":
        return Batch(self)


def _path(cls: type[Document], ids: tuple[str, ...]) -> str:
    if not all(_SANE_ID.match(one) for one in ids):  # an id out of a request must not walk elsewhere, and names nothing
        return cls.PATH.format(**dict.fromkeys(path_fields(cls), "none"))
    return cls.PATH.format(**dict(zip(path_fields(cls), ids, strict=True)))


def _check_whole(document: Document) -> None:
    if not document.whole:
        raise ValueError(f"a {type(document).__name__} that was read in part must not be written")


class Batch:
    """One atomic commit. After `commit()` every document that was created or changed through it carries its new state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes = store.db.batch()
        self._touched: list[Document | None] = []
        self._applied: list[tuple[Document, dict[str, Any]]] = []

    def __len__(self) -> int:
        return len(self._writes)

    def create(self, document: D) -> D:
        """Fails the commit with `Changed` if it exists already."""
        _check_whole(document)
        self._writes.create(self._store.reference(document), encode(document, self._store.blobs))
        self._touched.append(document)
        return document

    def put(self, document: D) -> D:
        """Writes it whatever was there; for rows that a repeated stage writes alike."""
        _check_whole(document)
        self._writes.set(self._store.reference(document), encode(document, self._store.blobs))
        self._touched.append(document)
        return document

    def change(self, document: Document, *, fenced: bool = True, **values: Any) -> None:
        """Sets fields; `fenced` demands that the document is still as it was read."""
        _check_whole(document)
        values = {"updated_at": self._store.clock(), **values}
        if fenced:
            values["version"] = next_version(document.version)
        body = encode_values(document, values, self._store.blobs)
        option = self._store.db.write_option(last_update_time=document.revision) if fenced else None
        self._writes.update(self._store.reference(document), body, option=option)
        self._touched.append(document)
        self._applied.append((document, values))

    def add(self, document: Document, **numbers: Mapping[str, Any]) -> None:
        """Adds to the numbers in maps of a document, which need not be there yet; whoever else adds is not in the way."""
        counted = {name: _increments(values) for name, values in numbers.items() if values}
        times = {"created_at": document.created_at, "updated_at": document.updated_at}
        self._writes.set(self._store.reference(document), {**times, **counted}, merge=True)
        self._touched.append(None)

    def raw_update(self, document: Document, fields: dict[str, Any]) -> None:
        """Single field paths (`active_runs.run_x`), merged without a fence because no two writers share a field."""
        self._writes.update(self._store.reference(document), fields)
        self._touched.append(document)

    def delete(self, document: Document, *, fenced: bool = False) -> None:
        """`fenced` demands that the document is still as it was read."""
        option = self._store.db.write_option(last_update_time=document.revision) if fenced else None
        self._writes.delete(self._store.reference(document), option=option)
        self._touched.append(None)

    def commit(self) -> None:
        if not len(self._writes):
            return
        try:
            with tracing.span("firestore.commit", writes=len(self._writes)):
                self._writes.commit()
            revisions = [result.update_time for result in self._writes.write_results]
        except (google_errors.AlreadyExists, google_errors.FailedPrecondition, google_errors.NotFound) as error:
            if (done_at := self._done_at()) is None:
                raise Changed(str(error)) from error
            revisions = [done_at] * len(self._touched)
        for document, values in self._applied:
            for name, value in values.items():
                setattr(document, name, value)
        for touched, revision in zip(self._touched, revisions, strict=True):
            if touched is not None:
                touched.revision = revision

    def _done_at(self) -> Any:
        """When this very commit was carried out, if it was; told by the mark it left in the version of a document.

        Google's client sends a commit again whose answer was lost, and the store refuses that one for what the first one changed.
        """
        for document, values in self._applied:
            if "version" in values:
                found = reading.read(self._store.db, [document_path(document)], ("version",))
                return next((when for _, stored, when in found if stored["version"] == values["version"]), None)
        return None


def _increments(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _increments(value) if isinstance(value, Mapping) else firestore.Increment(value) for name, value in values.items()
    }


@cache
def connect(settings: Settings) -> Store:
    """The process's one store."""
    return Store(reading.connect(settings.project_id, settings.database), utc_now, StoredBlobs(settings))
