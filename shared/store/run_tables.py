"""Run tables of a tenant, found by index or by run."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.tables import RunTables, TablesState
from shared.store.documents import Store

PATIENCE = timedelta(seconds=5)  # of families that answer people: tables of a short run are there within a second of its end
_LOOK_EVERY = 0.1  # seconds


class RunTablesOf:
    """Reads tables that can be read: of runs that have a published version.

    Whoever saw a run complete may ask for what it found at once, while its tables are still being built: those of a run that
    ended less than `patience` ago are waited for.
    """

    def __init__(self, store: Store, patience: timedelta = timedelta(), pause: Callable[[float], object] = time.sleep) -> None:
        self._store = store
        self._patience = patience
        self._pause = pause

    def over_indexes(self, tenant: str, index_ids: Iterable[str], *, limit: int) -> list[RunTables]:
        """Of the newest runs over media of the indexes, newest first; `""` is the playground."""
        return self._published(self._newest(tenant, list(index_ids), limit, None))

    def batches_over_indexes(
        self, tenant: str, index_ids: Sequence[str], *, size: int, newest: datetime | None = None
    ) -> Iterator[list[RunTables]]:
        """All of them, newest first, so many at a time as somebody asks for more; `newest` leaves out the runs begun later."""
        after: tuple[datetime, str] | None = (newest, "") if newest else None
        while True:
            found = self._newest(tenant, index_ids, size, after)
            if found:
                yield self._published(found)
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
        return self._published(newest_first(self._store.get_all(RunTables, [(tenant, one) for one in dict.fromkeys(run_ids)])))

    def _published(self, tables: Iterable[RunTables]) -> list[RunTables]:
        found = {(one.tenant, one.run_id): one for one in tables}
        while unbuilt := [key for key, one in found.items() if self._on_their_way(one)]:
            self._pause(_LOOK_EVERY)
            found |= {(one.tenant, one.run_id): one for one in self._store.get_all(RunTables, unbuilt)}
        return [one for one in found.values() if one.published]

    def _on_their_way(self, tables: RunTables) -> bool:
        """Their row begins with the end of the run."""
        building = tables.status in (TablesState.PENDING, TablesState.BUILDING) and not tables.published
        return building and self._store.clock() - tables.created_at < self._patience


def newest_first(tables: Iterable[RunTables]) -> list[RunTables]:
    return sorted(tables, key=lambda one: (one.run_created_at, one.run_id), reverse=True)
