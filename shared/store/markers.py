"""Markers of a tenant, kept by target."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.batches import batched
from shared.domain.clock import wire_time
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.markers import MOST_FIELDS, MarkedTarget, Marks, marker_id, target_key
from shared.store.documents import Changed, Store

MAX_LISTED = 1_000
MOST_VALUES = 30  # that Firestore takes in one `in`
_AT_ONCE = 4


class Markers:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, tenant: str, targets: Iterable[tuple[str, str]]) -> Marks:
        """The markers of these (target id, run id or "").

        By the targets that are marked, of which there are few, rather than by asking for each whether it is.
        """
        marked = self._store.collection(MarkedTarget, tenant)
        asked = sorted({target_id for target_id, _ in targets})
        queries = [marked.where(filter=FieldFilter("target_id", "in", some)) for some in batched(asked, MOST_VALUES)]
        if len(queries) <= 1:
            return Marks(one for query in queries for one in self._store.stream(MarkedTarget, query))
        with ThreadPoolExecutor(min(_AT_ONCE, len(queries)), thread_name_prefix="markers") as pool:
            found = list(pool.map(lambda query: list(self._store.stream(MarkedTarget, query)), queries))
        return Marks(one for some in found for one in some)

    def of_each(self, tenant: str, target_ids: Iterable[str]) -> Marks:
        """The markers of these outside of any run, in one read."""
        return self.of(tenant, [(one, "") for one in target_ids])

    def of_run_rows(self, tenant: str, run_id: str, segment_ids: Iterable[str]) -> Marks:
        """The markers of segments, both in this run and outside of any, in one read."""
        return self.of(tenant, [(one, run) for one in segment_ids for run in (run_id, "")])

    def all(self, tenant: str) -> list[MarkedTarget]:
        """The targets last marked first; at most 1,000."""
        query = self._store.collection(MarkedTarget, tenant).order_by("updated_at", direction="DESCENDING")
        return list(self._store.stream(MarkedTarget, query.limit(MAX_LISTED)))

    def put(
        self,
        tenant: str,
        user_id: str,
        *,
        target_type: str,
        target_id: str,
        run_id: str,
        field_path: str,
        video_id: str,
        color: str,
        note: str,
    ) -> MarkedTarget:
        """Sets the one marker of this place."""
        key = target_key(target_id, run_id)
        while True:
            now = self._store.clock()
            found = self._store.get(MarkedTarget, tenant, key)
            target = found or MarkedTarget(
                created_at=now,
                updated_at=now,
                tenant=tenant,
                target_key=key,
                target_id=target_id,
                run_id=run_id,
                video_id=video_id,
            )
            identity = marker_id(target_id, run_id, field_path)
            mark = {"marker_id": identity, "target_type": target_type, "color": color, "note": note, "user_id": user_id}
            marks = {**target.marks, field_path: {**mark, "updated_at": str(wire_time(now))}}
            if len(marks) > MOST_FIELDS:
                raise invalid("field_path", f"a target takes at most {MOST_FIELDS} markers")
            target.marks, target.marker_ids = marks, [one["marker_id"] for one in marks.values()]
            batch = self._store.batch()
            if found is None:
                batch.create(target)
            else:
                batch.change(target, marks=marks, marker_ids=target.marker_ids)
            try:
                batch.commit()
            except Changed:
                continue  # another marker of the same target came between
            return target

    def remove(self, tenant: str, identity: str, *, begun: bool = False) -> None:
        """Raises MARKER_NOT_FOUND, unless it was `begun` before: then it has gone by that."""
        query = self._store.collection(MarkedTarget, tenant).where(filter=FieldFilter("marker_ids", "array_contains", identity))
        while True:
            target = self._store.first(MarkedTarget, query)
            if target is None and begun:
                return
            if target is None:
                raise ApiError(ErrorCode.MARKER_NOT_FOUND, "there is no such marker")
            left = {path: mark for path, mark in target.marks.items() if mark["marker_id"] != identity}
            batch = self._store.batch()
            if left:
                batch.change(target, marks=left, marker_ids=[mark["marker_id"] for mark in left.values()])
            else:
                batch.delete(target, fenced=True)
            try:
                batch.commit()
            except Changed:
                begun = True
                continue
            return
