"""Run tables of a tenant, found by index or by run."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.tables import RunTables
from shared.store.documents import Store


class RunTablesOf:
    """Reads tables that can be read: of runs that have a published version."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def over_indexes(self, tenant: str, index_ids: Iterable[str], *, limit: int) -> list[RunTables]:
        """Of the newest runs over media of the indexes, newest first; `""` is the playground."""
        return _published(self._newest(tenant, list(index_ids), limit, None))

    def batches_over_indexes(
        self, tenant: str, index_ids: Sequence[str], *, size: int, newest: datetime | None = None
    ) -> Iterator[list[RunTables]]:
        """All of them, newest first, so many at a time as somebody asks for more; `newest` leaves out the runs begun later."""
        after: tuple[datetime, str] | None = (newest, "") if newest else None
        while True:
            found = self._newest(tenant, index_ids, size, after)
            if found:
                yield _published(found)
            if len(found) < size:
                return
            after = found[-1].run_created_at, found[-1].run_id

    def _newest(self, tenant: str, index_ids: Sequence[str], limit: int, after: tuple[datetime, str] | None) -> list[RunTables]:
        """Published or not, in the order of `newest_first`; those behind a run, or from a moment on where it has no name."""
        found: dict[str, RunTables] = {}
        collection = self._store.collection(RunTables, tenant)
        for index_id in index_ids:
            query = collection.where(filter=FieldFilter("index_ids", "array_contains", index_id))
            query = query.order_by("run_created_at", direction="DESCENDING").order_by("__name__", direction="DESCENDING")
            if after is not None:
                created, run_id = after
                query = query.start_after([created, collection.document(run_id)]) if run_id else query.start_at([created])
            found.update({one.run_id: one for one in self._store.stream(RunTables, query.limit(limit))})
        return newest_first(found.values())[:limit]

    def of_runs(self, tenant: str, run_ids: Iterable[str]) -> list[RunTables]:
        return _published(newest_first(self._store.get_all(RunTables, [(tenant, one) for one in dict.fromkeys(run_ids)])))


def newest_first(tables: Iterable[RunTables]) -> list[RunTables]:
    return sorted(tables, key=lambda one: (one.run_created_at, one.run_id), reverse=True)


def _published(tables: Iterable[RunTables]) -> list[RunTables]:
    return [one for one in tables if one.published]
