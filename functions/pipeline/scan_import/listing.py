"""From what a store lists to rows of a job: which objects are to be copied, and which are passed by, and why."""

from collections.abc import Sequence
from datetime import timedelta

from shared.connectors.port import CloudFile
from shared.domain import object_names
from shared.domain.connectors import ImportMode
from shared.domain.failures import FailureCode
from shared.domain.globs import compiled
from shared.domain.ids import derived_id
from shared.domain.imports import NOT_MEDIA, FileStatus, ImportJob, SeenFile, SourceFile, file_id, seen_id
from shared.store.documents import Store

WAKE_FILE = timedelta(minutes=15)  # a file may wait long for its turn behind the others
LARGEST_BYTES = 100 * 1024**3  # what one copy can take in the time a function has


def rows_of(found: Sequence[CloudFile], job: ImportJob, store: Store) -> list[SourceFile]:
    """Rows for what matches and is not in the job yet, numbered on from the job's `ordinals`."""
    matches = compiled(job.file_pattern)
    folder = job.source_prefix.rpartition("/")[0]
    skip = len(folder) + 1 if folder else 0
    wanted = {
        file_id(job.job_id, one.path): one
        for one in found
        if not one.path.endswith("/") and matches(one.path[skip:])  # names that end so stand for folders
    }
    known = {row.file_id for row in store.get_all(SourceFile, [(job.tenant, job.job_id, one) for one in wanted])}
    new = [(identity, one) for identity, one in wanted.items() if identity not in known]
    seen = _seen([one for _, one in new], job, store)
    return [_row(identity, one, job, job.ordinals + n, seen, store) for n, (identity, one) in enumerate(new)]


def _seen(files: list[CloudFile], job: ImportJob, store: Store) -> dict[str, SeenFile]:
    if job.import_mode != ImportMode.NEW_ONLY:
        return {}
    ids = [(job.tenant, _seen_id(one, job)) for one in files]
    return {one.seen_id: one for one in store.get_all(SeenFile, ids)}


def _seen_id(one: CloudFile, job: ImportJob) -> str:
    return seen_id(job.connector_id, job.index_id, one.path, one.etag, one.size)


def _row(identity: str, one: CloudFile, job: ImportJob, ordinal: int, seen: dict[str, SeenFile], store: Store) -> SourceFile:
    now = store.clock()
    row = SourceFile(
        created_at=now,
        updated_at=now,
        tenant=job.tenant,
        job_id=job.job_id,
        file_id=identity,
        ordinal=ordinal,
        path=one.path,
        size_bytes=one.size,
        etag=one.etag,
        open=True,
        is_output=True,
        status=FileStatus.PENDING,
        video_id=derived_id("video", job.job_id, identity),
        title=object_names.title(one.path),
        wake_at=now + WAKE_FILE,
    )
    reason = _passed_by(one, seen.get(_seen_id(one, job)))
    if reason:
        row.status, row.skip_reason, row.is_output = FileStatus.SKIPPED, reason, False
    elif one.size == 0:
        row.status, row.error_code, row.error_message = FileStatus.FAILED, FailureCode.EMPTY_FILE.value, "the object is empty"
    elif one.size > LARGEST_BYTES:
        row.status, row.error_code = FileStatus.FAILED, FailureCode.MEDIA_TOO_LARGE.value
        row.error_message = f"the object is larger than {LARGEST_BYTES // 1024**3} GiB"
    if row.status != FileStatus.PENDING:
        row.open, row.wake_at, row.completed_at = False, None, now
    return row


def _passed_by(one: CloudFile, seen: SeenFile | None) -> str:
    fault = object_names.fault(one.path)
    if fault:
        return f"left alone: {fault}"
    if object_names.extension(one.path) in NOT_MEDIA:
        return "not media by its name"
    if seen is None:
        return ""
    return "imported already, and unchanged" if seen.outcome == "imported" else f"refused before, and unchanged: {seen.reason}"
