"""The export side: every run over the index that ends is exported once, whoever tells of its end, or nobody."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.automations import SWEEP, Automation, export_of
from shared.domain.connectors import EXPORT, Connector
from shared.domain.exports import Export, ExportState, clean_path
from shared.domain.runs import Run
from shared.domain.tables import WITH_RESULTS
from shared.messaging.queues import Queues
from shared.store.documents import Batch, Store
from shared.store.exports import new_export, send_export

NEWEST = 200  # runs over the index that are looked at
MARGIN = timedelta(minutes=10)  # an end is dated before it is written, and told after
CONNECTOR_DELETED = "the destination connector was deleted; put the automation with another one"


def export_ended_runs(automation: Automation, store: Store, queues: Queues) -> None:
    """Asks for the exports that are missing. Raises `Changed` where another look was quicker."""
    now = store.clock()
    missing = _missing(automation, store)
    batch = store.batch()
    if missing:
        fault, connector = _destination(automation, store)
        if connector is None:
            _keep(automation, store, last_error=fault, wake_at=now + SWEEP)
            return
        exports = [_wanted(automation, run, identity, connector, store) for identity, run in missing.items()]
        for export in exports:
            batch.create(export)
        _note(automation, batch, now, last_run_at=now, export_id=exports[-1].export_id, last_error="")
        batch.commit()
        for export in exports:
            send_export(queues, export)
        return
    error = _how_the_last_went(automation, store)
    looked_long_ago = automation.caught_up_to is None or now - automation.caught_up_to >= MARGIN
    if error != automation.last_error or looked_long_ago:
        _note(automation, batch, now, last_error=error)
        batch.commit()


def _note(automation: Automation, batch: Batch, now: datetime, **values: Any) -> None:
    batch.change(automation, caught_up_to=now, wake_at=now + SWEEP, **values)


def _keep(automation: Automation, store: Store, **values: Any) -> None:
    """What is missing stays missing: `caught_up_to` does not move."""
    batch = store.batch()
    batch.change(automation, **values)
    batch.commit()


def _missing(automation: Automation, store: Store) -> dict[str, Run]:
    """Runs that ended while the automation was set up, by the ids of exports that are not there; the oldest first."""
    assert automation.active_since is not None and automation.caught_up_to is not None
    since = max(automation.active_since, automation.caught_up_to - MARGIN)
    over = FieldFilter("index_ids", "array_contains", automation.index_id)
    query = store.collection(Run, automation.tenant).where(filter=over).order_by("created_at", direction="DESCENDING")
    ended: dict[str, Run] = {}
    for run in islice(store.stream(Run, query.limit(NEWEST)), NEWEST):
        end = max(filter(None, (run.completed_at, run.mended_at)), default=None)
        if run.deleted_at is None and run.status in WITH_RESULTS and end is not None and end >= since:
            ended[export_of(automation, run.run_id, run.status)] = run
    known = {one.export_id for one in store.get_all(Export, [(automation.tenant, one) for one in ended])}
    return {identity: ended[identity] for identity in reversed(ended) if identity not in known}


def _destination(automation: Automation, store: Store) -> tuple[str, Connector | None]:
    """The connector, or what is wrong with it."""
    connector = store.get(Connector, automation.tenant, automation.connector_id)
    if connector is None or connector.deleted_at is not None:
        return CONNECTOR_DELETED, None
    if EXPORT not in connector.scopes:
        return "the destination connector has not the scope export; add it with PATCH", None
    return "", connector


def _wanted(automation: Automation, run: Run, export_id: str, connector: Connector, store: Store) -> Export:
    """Of the index, this run alone: what else the run went over is not this automation's to hand out."""
    return new_export(
        store,
        tenant=automation.tenant,
        export_id=export_id,
        user_id=automation.user_id,
        export_type="index",
        target_id=automation.index_id,
        prompt_run_ids=[run.run_id],
        destination_connector_id=connector.connector_id,
        destination_base_path=clean_path(connector.export_base_path),
        destination_subpath=automation.destination_subpath,
        automation_id=automation.automation_id,
    )


def _how_the_last_went(automation: Automation, store: Store) -> str:
    export = store.get(Export, automation.tenant, automation.export_id) if automation.export_id else None
    if export is None or not ExportState(export.status).is_terminal:
        return "" if export is None else automation.last_error
    return f"the last export failed: {export.error_message}" if export.status == ExportState.FAILED else ""
