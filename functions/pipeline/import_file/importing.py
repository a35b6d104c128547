"""One object of a customer's storage becomes a media item like any other.

Order: the original (which appears whole or not at all), the item's row and event, then the file's end. Each is written once under
a name that follows from the job and the path, so that whoever comes second finds it.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.pipeline.import_file.copying import Unwanted, copy
from functions.pipeline.import_file.sources import Connected, Download, Source
from shared.connectors.opening import Opener
from shared.connectors.outcomes import outcome_of
from shared.connectors.port import CloudError
from shared.domain.connectors import Connector
from shared.domain.failures import FailureCode
from shared.domain.imports import FileStatus, ImportJob, ImportStatus, SeenFile, SourceFile, seen_id, source_place
from shared.domain.media import Deletion, deletion_id
from shared.egress.client import Egress
from shared.media.opener import UnreadableMedia
from shared.messaging.messages import ImportFile, ScanImport
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.objects.buckets import Objects
from shared.secrets import Unopenable
from shared.store.connectors import Connectors
from shared.store.deletions import Deletions
from shared.store.documents import Batch, Store
from shared.store.indexes import Indexes
from shared.store.registration import register
from shared.work.claims import Claim, Claims
from shared.work.outcomes import GiveUp, LeaseLost

PROGRESS_SECONDS = 2
REFUSED = frozenset(
    {FailureCode.UNSUPPORTED_MEDIA, FailureCode.UNREADABLE_MEDIA, FailureCode.TRUNCATED_MEDIA, FailureCode.MEDIA_TOO_LARGE}
)


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    topics: Topics
    objects: Objects
    claims: Claims
    opener: Opener
    egress: Egress


def import_file(message: ImportFile, deps: Deps) -> None:
    job = deps.store.get(ImportJob, message.tenant, message.job_id)
    file = deps.store.get(SourceFile, message.tenant, message.job_id, message.file_id)
    if job is None or file is None:
        return
    if file.open:
        _work(job, file, deps)
    _tell(job, file, deps)


def _work(job: ImportJob, file: SourceFile, deps: Deps) -> None:
    if not _wanted(job, deps):
        _close(file, deps.store)
        return
    try:
        with deps.claims.hold(file, status=FileStatus.IMPORTING) as claim:
            try:
                _import(job, file, claim, deps)
            except Unwanted:
                claim.commit(deps.store.batch(), **_ended(FileStatus.CANCELLED, deps.store))
            except CloudError as error:
                raise outcome_of(error) from error
            except UnreadableMedia as error:
                raise GiveUp(error.code, str(error)) from error
    except GiveUp as reason:
        _fail(job, file, reason, deps)


def _import(job: ImportJob, file: SourceFile, claim: Claim[SourceFile], deps: Deps) -> None:
    with closing(_source(job, file, deps)) as source:
        found = source.stat(file.path)
        metadata = {
            "user_id": job.user_id,
            "index_id": job.index_id,
            "title": file.title,
            "source_connector_id": job.connector_id,
        }
        stored, info = copy(
            source, found, deps.objects, job.tenant, file.video_id, metadata, lambda: not claim.lost and _wanted(job, deps)
        )
    if claim.lost:
        raise LeaseLost
    if _index_gone(job, deps):
        deps.objects.delete_below(deps.objects.originals, f"media/{job.tenant}/{file.video_id}/")
        raise GiveUp("index_not_found", "the index was deleted while the file was copied")
    if deps.store.get(Deletion, job.tenant, deletion_id("video", file.video_id)) is None:  # imported and deleted once before
        video = register(
            deps.store,
            deps.topics,
            tenant=job.tenant,
            video_id=file.video_id,
            user_id=job.user_id,
            title=file.title,
            index_id=job.index_id,
            stored=stored,
            info=info,
            source_connector_id=job.connector_id,
        )
        if _index_gone(job, deps):  # one deleted in this very moment may have been emptied before this item was in it
            Deletions(deps.store, deps.queues).start(video)
    batch = deps.store.batch()
    _remember(job, replace(file, etag=found.etag, size_bytes=found.size), "imported", "", batch, deps.store)
    claim.commit(
        batch,
        **_ended(FileStatus.IMPORTED, deps.store),
        etag=found.etag,
        size_bytes=found.size,
        bytes_copied=found.size,
        duration_seconds=round(info.duration, 3),
        sealed="",
    )


def _index_gone(job: ImportJob, deps: Deps) -> bool:
    """The playground, which has no id, never goes."""
    return bool(job.index_id) and Indexes(deps.store).find(job.tenant, job.index_id) is None


def _source(job: ImportJob, file: SourceFile, deps: Deps) -> Source:
    """Where the file is read from. Raises `GiveUp` where connector or index are gone."""
    if job.source_kind != "attachment":
        return Connected(deps.opener.open(_connector(job, deps)))
    if _index_gone(job, deps):
        raise GiveUp("index_not_found", "the index was deleted")
    try:
        url = deps.opener.sealer.open(file.sealed, source_place(job.tenant, job.job_id, file.file_id)).decode()
    except Unopenable:
        raise GiveUp("address_lost", "the file's address cannot be read any more; send the file again") from None
    return Download(url, deps.egress)


def _connector(job: ImportJob, deps: Deps) -> Connector:
    connector = Connectors(deps.store).find(job.tenant, job.connector_id)
    if connector is None:
        raise GiveUp("connector_not_found", "the connector was deleted")
    if Indexes(deps.store).find(job.tenant, job.index_id) is None:
        raise GiveUp("index_not_found", "the index was deleted")
    return connector


def _wanted(job: ImportJob, deps: Deps) -> bool:
    current = deps.store.get(ImportJob, job.tenant, job.job_id)
    return current is not None and not ImportStatus(current.status).is_terminal


def _ended(status: FileStatus, store: Store) -> dict:
    return {"status": status, "open": False, "wake_at": None, "completed_at": store.clock()}


def _close(file: SourceFile, store: Store) -> None:
    batch = store.batch()
    batch.change(file, lease_until=None, **_ended(FileStatus.CANCELLED, store))
    batch.commit()


def _fail(job: ImportJob, file: SourceFile, reason: GiveUp, deps: Deps) -> None:
    batch = deps.store.batch()
    if reason.code in REFUSED:
        _remember(job, file, "refused", reason.message, batch, deps.store)
    ended = _ended(FileStatus.FAILED, deps.store)
    batch.change(file, lease_until=None, error_code=reason.code, error_message=reason.message[:1000], **ended)
    batch.commit()


def _remember(job: ImportJob, file: SourceFile, outcome: str, reason: str, batch: Batch, store: Store) -> None:
    """For later jobs that take new files only."""
    if not job.connector_id:
        return
    now = store.clock()
    identity = seen_id(job.connector_id, job.index_id, file.path, file.etag, file.size_bytes)
    batch.put(
        SeenFile(
            created_at=now,
            updated_at=now,
            tenant=job.tenant,
            seen_id=identity,
            connector_id=job.connector_id,
            index_id=job.index_id,
            outcome=outcome,
            reason=reason[:300],
        )
    )


def _tell(job: ImportJob, file: SourceFile, deps: Deps) -> None:
    """The job is recounted at most once in two seconds, and at once when this was its last open file."""
    told = ScanImport(tenant=job.tenant, job_id=job.job_id)
    rows = deps.store.collection(SourceFile, job.tenant, job.job_id)
    if deps.store.first(SourceFile, rows.where(filter=FieldFilter("open", "==", True))) is None:
        deps.queues.send(told, slot=f"without-{file.file_id}-{file.attempt}")
        return
    now = deps.store.clock()
    slot = int(now.timestamp()) // PROGRESS_SECONDS + 1
    due = now + timedelta(seconds=slot * PROGRESS_SECONDS - now.timestamp())
    deps.queues.send(told, slot=f"progress-{slot}", not_before=due)
