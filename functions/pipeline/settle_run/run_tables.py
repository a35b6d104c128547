"""A run's tables are asked for in the commit that ends the run."""

from datetime import timedelta

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
