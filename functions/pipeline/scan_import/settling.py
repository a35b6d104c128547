"""Recounting a job, ending it once when none of its files is open, and closing the files of one that was cancelled."""

from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.pipeline.scan_import.tallying import any_open, current_file, heads, tally
from shared.domain.events import EventType
from shared.domain.imports import HEAD_ITEMS, FileStatus, ImportJob, ImportStatus, SourceFile
from shared.messaging.topics import Topics
from shared.store.documents import Store
from shared.store.events import record_import

RECHECK = timedelta(minutes=5)
AT_ONCE = 300


def settle(job: ImportJob, store: Store, topics: Topics) -> None:
    """Raises `Changed` where another was quicker."""
    still_open = any_open(job, store)  # before counting: what ends in between is counted, and ends the job with its own message
    counts = tally(job, store)
    if still_open:
        _write_progress(job, counts, store, topics)
    else:
        _finish(job, counts, store, topics)


def _write_progress(job: ImportJob, counts: dict[str, int], store: Store, topics: Topics) -> None:
    """Only if something moved."""
    if all(getattr(job, name) == number for name, number in counts.items()):
        return
    values: dict[str, Any] = {**counts, **heads(job, store, videos=HEAD_ITEMS), "current_file": current_file(job, store)}
    version = job.version
    _change(job, values, EventType.IMPORT_JOB_PROGRESS, version, store, topics, wake_at=store.clock() + RECHECK)


def _finish(job: ImportJob, counts: dict[str, int], store: Store, topics: Topics) -> None:
    status, event = ImportStatus.COMPLETED, EventType.IMPORT_JOB_COMPLETED
    values: dict[str, Any] = {**counts, **heads(job, store), "current_file": "", "completed_at": store.clock()}
    if job.error_code or (counts["failed"] and not counts["imported"] and not counts["skipped"]):
        status, event = ImportStatus.FAILED, EventType.IMPORT_JOB_FAILED
        if not job.error_code:
            first = values["head_failed"][0]
            values["error_code"] = "no_file_imported"
            values["error_message"] = f"none of the {counts['failed']} files could be imported; the first: {first['error']}"
    elif counts["failed"]:
        event = EventType.IMPORT_JOB_PARTIAL_COMPLETED
    _change(job, {**values, "status": status}, event, f"ended-{job.round}", store, topics, wake_at=None)


def _change(
    job: ImportJob, values: dict[str, Any], event: EventType, occurrence: object, store: Store, topics: Topics, **rest: Any
) -> None:
    batch = store.batch()
    for name, value in values.items():
        setattr(job, name, value)  # the event tells of the job as it will be
    fact = record_import(store, batch, event, job, occurrence=occurrence)
    batch.change(job, **values, **rest)
    batch.commit()
    topics.publish(fact)


def close_open_files(job: ImportJob, store: Store) -> None:
    """Of a job that was cancelled: what nobody works on is closed; a copy under way sees the end itself, and tells it."""
    if job.wake_at is None:
        return
    now = store.clock()
    rows = store.collection(SourceFile, job.tenant, job.job_id).where(filter=FieldFilter("open", "==", True))
    held = False
    while files := list(store.stream(SourceFile, rows.limit(AT_ONCE))):
        free = [one for one in files if one.lease_until is None or one.lease_until <= now]
        held |= len(free) < len(files)
        if not free:
            break
        batch = store.batch()
        for one in free:
            batch.change(one, status=FileStatus.CANCELLED, open=False, wake_at=None, lease_until=None, completed_at=now)
        batch.commit()  # Changed: one of them was taken up in this moment; the message comes again
    batch = store.batch()
    values: dict[str, Any] = {**tally(job, store), **heads(job, store), "current_file": ""}
    batch.change(job, **values, wake_at=now + timedelta(seconds=60) if held else None)
    batch.commit()
