"""Run tables of a tenant, found by index or by run."""

from collections.abc import Iterable

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.tables import RunTables
from shared.store.documents import Store


class RunTablesOf:
    """Reads tables that can be read: of runs that have a published version."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def over_indexes(self, tenant: str, index_ids: Iterable[str], *, limit: int) -> list[RunTables]:
        """Of the newest runs over media of the indexes, newest first; `""` is the playground."""
        found: dict[str, RunTables] = {}
        for index_id in index_ids:
            query = self._store.collection(RunTables, tenant).where(filter=FieldFilter("index_ids", "array_contains", index_id))
            query = query.order_by("run_created_at", direction="DESCENDING").limit(limit)
            found.update({one.run_id: one for one in self._store.stream(RunTables, query)})
        return _newest(found.values())[:limit]

    def of_runs(self, tenant: str, run_ids: Iterable[str]) -> list[RunTables]:
        return _newest(self._store.get_all(RunTables, [(tenant, one) for one in dict.fromkeys(run_ids)]))


def _newest(tables: Iterable[RunTables]) -> list[RunTables]:
    ready = [one for one in tables if one.published]
    return sorted(ready, key=lambda one: (one.run_created_at, one.run_id), reverse=True)
