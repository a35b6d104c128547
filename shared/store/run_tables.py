"""Run tables of a tenant: asked for in the commit that ends a run, found by index."""

from collections.abc import Iterable
from datetime import timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.runs import Run
from shared.domain.tables import RunTables, TablesState
from shared.messaging.messages import BuildTables
from shared.store.documents import Batch, Store

WAKE_AFTER = timedelta(seconds=60)


def want_tables(store: Store, batch: Batch, run: Run) -> BuildTables:
    """Puts the wish for the run's tables, or for newer ones, into the batch; the message is to be sent once it is committed.

    A build under way would miss what just changed, so it loses its lease: its last write is refused, and the message begins anew.
    """
    now = store.clock()
    tables = store.get(RunTables, run.tenant, run.run_id)
    if tables is None:
        batch.create(
            RunTables(
                created_at=now,
                updated_at=now,
                tenant=run.tenant,
                run_id=run.run_id,
                index_ids=run.index_ids,
                run_created_at=run.created_at,
                status=TablesState.PENDING,
                wake_at=now + WAKE_AFTER,
            )
        )
    else:
        batch.change(tables, status=TablesState.PENDING, wake_at=now + WAKE_AFTER, lease_until=None, failures=0)
    return BuildTables(tenant=run.tenant, run_id=run.run_id)


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
