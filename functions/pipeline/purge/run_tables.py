"""A run's tables, when what they were made of goes. Readers leave out what is deleted anyway; here it leaves the files."""

from datetime import timedelta

from shared.domain.runs import Run
from shared.domain.tables import RunTables, TablesState, tables_prefix
from shared.messaging.messages import BuildTables
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import Store

REBUILD_AFTER = timedelta(seconds=30)  # so that an index that goes item by item costs few builds
WAKE_GRACE = timedelta(seconds=60)


def rebuild_tables(tenant: str, run_id: str, store: Store, queues: Queues) -> None:
    """Has finished tables made anew, without what is gone. A build under way looks for deletions itself before it ends."""
    tables = store.get(RunTables, tenant, run_id)
    if tables is None or tables.status in (TablesState.PENDING, TablesState.BUILDING):
        return
    due = store.clock() + REBUILD_AFTER
    batch = store.batch()
    batch.change(tables, status=TablesState.PENDING, wake_at=due + WAKE_GRACE, failures=0)
    batch.commit()
    queues.send(BuildTables(tenant=tenant, run_id=run_id), slot=f"rebuild-{tables.version}", not_before=due)


def forget_tables(run: Run, store: Store, objects: Objects) -> None:
    """Removes every version with its row, for a run that is being removed."""
    tables = store.get(RunTables, run.tenant, run.run_id)
    objects.delete_below(objects.derived, tables_prefix(run.tenant, run.run_id))
    if tables is not None:
        batch = store.batch()
        batch.delete(tables, fenced=True)
        batch.commit()
