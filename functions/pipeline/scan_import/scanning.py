"""Steps of an import: a page of the listing, a page of failed files to be taken up again, or a recount.

A step reads at most one page and writes it in one commit together with where the next one begins; the job in hand is a page
further then, so that the same message once more does nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.pipeline.scan_import.listing import WAKE_FILE, rows_of
from functions.pipeline.scan_import.settling import close_open_files, settle
from functions.pipeline.scan_import.tallying import tally
from shared.connectors.opening import Opener
from shared.connectors.outcomes import outcome_of
from shared.connectors.port import CloudError
from shared.domain.connectors import IMPORT, Connector
from shared.domain.events import EventType
from shared.domain.imports import FileStatus, ImportJob, ImportStatus, SourceFile
from shared.messaging.messages import ImportFile, ScanImport
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.store.connectors import Connectors
from shared.store.documents import Batch, Store
from shared.store.events import record_import
from shared.store.indexes import Indexes
from shared.work.claims import Claims
from shared.work.outcomes import GiveUp

PAGE = 300  # files in one commit: with names of 1 KiB well below the store's 10 MiB
WAKE_JOB = timedelta(seconds=60)


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    topics: Topics
    claims: Claims
    opener: Opener


@dataclass
class Step:
    """What one page gives: the files to be worked on, and what changes on the job."""

    files: list[SourceFile]
    values: dict[str, Any]


def scan_import(message: ScanImport, deps: Deps) -> None:
    job = deps.store.get(ImportJob, message.tenant, message.job_id)
    if job is None or job.source_kind == "upload":
        return
    if ImportStatus(job.status).is_terminal:
        close_open_files(job, deps.store)
    elif job.status == ImportStatus.IMPORTING:
        settle(job, deps.store, deps.topics)
    elif message.page_id == job.page_id:
        _step(job, deps)
    else:
        _send_following(job, deps)  # the step is done, its outgoing message perhaps was not


def _step(job: ImportJob, deps: Deps) -> None:
    first = job.page_id in ("p0", f"r{job.round}-0")
    try:
        now = deps.store.clock()
        with deps.claims.hold(job, status=ImportStatus.SCANNING, started_at=job.started_at or now) as claim:
            batch = deps.store.batch()
            step = _next_step(job, batch, deps)
            for name, value in step.values.items():
                setattr(job, name, value)
            started = None
            if first:
                started = record_import(deps.store, batch, EventType.IMPORT_JOB_STARTED, job, occurrence=job.round)
            claim.commit(batch, **step.values, failures=0, wake_at=deps.store.clock() + WAKE_JOB)
    except GiveUp as reason:
        _stop_listing(job, reason, deps)
        return
    if started is not None:
        deps.topics.publish(started)
    for file in step.files:
        deps.queues.send(ImportFile(tenant=file.tenant, job_id=file.job_id, file_id=file.file_id), slot=f"round-{job.round}")
    _send_following(job, deps)


def _next_step(job: ImportJob, batch: Batch, deps: Deps) -> Step:
    if job.page_id.startswith("r"):
        return _take_up_again(job, batch, deps)
    return _attached(job, deps) if job.source_kind == "attachment" else _list(job, batch, deps)


def _attached(job: ImportJob, deps: Deps) -> Step:
    """The files were written with the job: there is nothing to list."""
    rows = deps.store.collection(SourceFile, job.tenant, job.job_id).where(filter=FieldFilter("open", "==", True))
    return Step(list(deps.store.stream(SourceFile, rows)), {"page_id": "p1", "page_number": 1, "status": ImportStatus.IMPORTING})


def _send_following(job: ImportJob, deps: Deps) -> None:
    page_id = "" if job.status == ImportStatus.IMPORTING else job.page_id
    deps.queues.send(ScanImport(tenant=job.tenant, job_id=job.job_id, page_id=page_id), slot=f"listed-{job.page_id}")


def _list(job: ImportJob, batch: Batch, deps: Deps) -> Step:
    """A page of the store's listing as rows. Raises `GiveUp` where nothing can be listed."""
    connector = _connector(job, deps)
    try:
        page = deps.opener.open(connector).page(job.source_prefix, recursive=job.recursive, token=job.page_token, limit=PAGE)
    except CloudError as error:
        raise outcome_of(error) from error
    files = rows_of(page.files, job, deps.store)
    for file in files:
        batch.create(file)
    counts = tally(job, deps.store)
    counts["total_files"] += len(files)
    counts["failed"] += sum(one.status == FileStatus.FAILED for one in files)
    counts["skipped"] += sum(one.status == FileStatus.SKIPPED for one in files)
    number = job.page_number + 1
    values: dict[str, Any] = {
        **counts,
        "ordinals": job.ordinals + len(files),
        "page_number": number,
        "page_id": f"p{number}",
        "page_token": page.next_token,
        "listed": not page.next_token,
        "status": ImportStatus.SCANNING if page.next_token else ImportStatus.IMPORTING,
    }
    return Step([one for one in files if one.open], values)


def _take_up_again(job: ImportJob, batch: Batch, deps: Deps) -> Step:
    """A page of what failed or was cut off; what is taken up is pending then, so the next page begins from the start again."""
    rows = deps.store.collection(SourceFile, job.tenant, job.job_id)
    undone = rows.where(filter=FieldFilter("status", "in", [FileStatus.FAILED, FileStatus.CANCELLED])).limit(PAGE)
    files = list(deps.store.stream(SourceFile, undone))
    failed = sum(one.status == FileStatus.FAILED for one in files)
    wake_at = deps.store.clock() + WAKE_FILE
    for file in files:
        fresh: dict[str, Any] = {"status": FileStatus.PENDING, "open": True, "failures": 0, "completed_at": None}
        batch.change(file, **fresh, wake_at=wake_at, error_code="", error_message="")
    counts = tally(job, deps.store)
    counts["failed"] -= failed
    page, _, number = job.page_id.partition("-")
    if len(files) == PAGE:
        return Step(files, {**counts, "page_id": f"{page}-{int(number) + 1}"})
    status = ImportStatus.IMPORTING if job.listed else ImportStatus.SCANNING
    return Step(files, {**counts, "page_id": f"p{job.page_number}", "status": status})


def _connector(job: ImportJob, deps: Deps) -> Connector:
    connector = Connectors(deps.store).find(job.tenant, job.connector_id)
    if connector is None:
        raise GiveUp("connector_not_found", "the connector was deleted")
    if IMPORT not in connector.scopes:
        raise GiveUp("connector_not_for_import", "the connector has not the scope import; add it with PATCH")
    if Indexes(deps.store).find(job.tenant, job.index_id) is None:
        raise GiveUp("index_not_found", "the index was deleted")
    return connector


def _stop_listing(job: ImportJob, reason: GiveUp, deps: Deps) -> None:
    """The listing ends here; the job does when the files it has found so far are done."""
    batch = deps.store.batch()
    batch.change(
        job,
        status=ImportStatus.IMPORTING,
        error_code=reason.code,
        error_message=reason.message,
        lease_until=None,
        wake_at=deps.store.clock() + WAKE_JOB,
    )
    batch.commit()
    _send_following(job, deps)
