"""Import jobs: begun, cancelled, taken up again; and what an upload leaves so that it can be asked for like one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain import object_names
from shared.domain.connectors import ImportMode
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.ids import derived_id
from shared.domain.imports import FileStatus, ImportJob, ImportStatus, SourceFile, file_id
from shared.domain.media import Video
from shared.messaging.messages import ScanImport
from shared.messaging.queues import Queues
from shared.store.documents import Changed, Store

WAKE_AFTER = timedelta(seconds=60)
WAKE_ATTACHED = timedelta(minutes=15)
MOST_LISTED = 200
_TRIES = 10  # at a change that others' changes came in between of


@dataclass(frozen=True)
class Wanted:
    """What an import is to bring."""

    connector_id: str
    index_id: str
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    import_mode: str = ImportMode.ALL
    automation_id: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file at an address; `sealed` holds the address."""

    file_id: str
    name: str
    title: str
    sealed: str


class Imports:
    def __init__(self, store: Store, queues: Queues) -> None:
        self._store = store
        self._queues = queues

    def start(self, tenant: str, job_id: str, user_id: str, wanted: Wanted) -> ImportJob:
        """Begins the job of this id; where it was begun before, that one is given back and told its stage again.

        Connector, index and pattern are the caller's to check. Automations derive `job_id` from what set them off.
        """
        now = self._store.clock()
        job = self._store.create_once(
            ImportJob(
                created_at=now,
                updated_at=now,
                tenant=tenant,
                job_id=job_id,
                user_id=user_id,
                connector_id=wanted.connector_id,
                index_id=wanted.index_id,
                source_prefix=wanted.source_prefix.lstrip("/"),
                file_pattern=wanted.file_pattern,
                recursive=wanted.recursive,
                import_mode=wanted.import_mode,
                automation_id=wanted.automation_id,
                status=ImportStatus.PENDING,
                wake_at=now + WAKE_AFTER,
            )
        )
        if job.status == ImportStatus.PENDING:
            self._queues.send(ScanImport(tenant=tenant, job_id=job_id, page_id=job.page_id), slot="begun")
        return job

    def attach(self, tenant: str, job_id: str, user_id: str, index_id: str, attachments: Sequence[Attachment]) -> ImportJob:
        """Begins a job whose files are known from the start; `index_id` "" is the playground. A repeat finds the first one's."""
        now = self._store.clock()
        common: dict[str, Any] = {"created_at": now, "updated_at": now, "tenant": tenant, "job_id": job_id}
        job = ImportJob(
            **common,
            user_id=user_id,
            source_kind="attachment",
            index_id=index_id,
            recursive=False,
            listed=True,
            ordinals=len(attachments),
            total_files=len(attachments),
            status=ImportStatus.PENDING,
            wake_at=now + WAKE_AFTER,
        )
        files = [
            SourceFile(
                **common,
                file_id=one.file_id,
                ordinal=n,
                path=one.name,
                size_bytes=0,
                etag="",
                open=True,
                is_output=True,
                status=FileStatus.PENDING,
                video_id=derived_id("video", job_id, one.file_id),
                title=one.title,
                sealed=one.sealed,
                wake_at=now + WAKE_ATTACHED,
            )
            for n, one in enumerate(attachments)
        ]
        job.head_outputs = [output_item(one) for one in files]
        batch = self._store.batch()
        for document in (job, *files):
            batch.create(document)
        try:
            batch.commit()
        except Changed:
            job = self._store.get(ImportJob, tenant, job_id) or job
        if job.status == ImportStatus.PENDING:
            self._queues.send(ScanImport(tenant=tenant, job_id=job_id, page_id=job.page_id), slot="begun")
        return job

    def get(self, tenant: str, job_id: str) -> ImportJob:
        """Raises IMPORT_JOB_NOT_FOUND."""
        job = self._store.get(ImportJob, tenant, job_id)
        if job is None:
            raise ApiError(ErrorCode.IMPORT_JOB_NOT_FOUND, "there is no such import job")
        return job

    def all(self, tenant: str, *, status: str = "", limit: int = MOST_LISTED) -> list[ImportJob]:
        """Those of connectors, newest first; uploads have a job each and would drown them."""
        query = self._store.collection(ImportJob, tenant).where(filter=FieldFilter("source_kind", "==", "connector"))
        if status:
            query = query.where(filter=FieldFilter("status", "==", status))
        return list(self._store.stream(ImportJob, query.order_by("created_at", direction="DESCENDING").limit(limit)))

    def video_ids(self, job: ImportJob) -> Iterator[str]:
        """Of all media that the job brought, in the order of its listing."""
        files = self._store.collection(SourceFile, job.tenant, job.job_id)
        query = files.where(filter=FieldFilter("status", "==", FileStatus.IMPORTED)).order_by("ordinal")
        return (file.video_id for file in self._store.stream(SourceFile, query))

    def cancel(self, tenant: str, job_id: str) -> ImportJob:
        """Ends the job at once; what arrived stays. Raises CONFLICT for one that has ended otherwise."""
        for _ in range(_TRIES):
            job = self.get(tenant, job_id)
            if job.status == ImportStatus.CANCELLED:
                break
            if ImportStatus(job.status).is_terminal:
                raise ApiError(ErrorCode.CONFLICT, f"the job is {job.status} already", details={"status": job.status})
            now = self._store.clock()
            batch = self._store.batch()
            batch.change(
                job, status=ImportStatus.CANCELLED, completed_at=now, current_file="", lease_until=None, wake_at=now + WAKE_AFTER
            )
            try:
                batch.commit()
                break
            except Changed:
                continue
        else:
            raise ApiError(ErrorCode.CONFLICT, "the job changed in the same moment; try again")
        self._queues.send(ScanImport(tenant=tenant, job_id=job_id), slot=f"cancelled-{job.round}")
        return job

    def retry(self, tenant: str, job_id: str, fresh: Mapping[str, str] | None = None) -> ImportJob:
        """Takes up again what failed or was cut off; a job without such files, or one under way, stays as it is.

        `fresh` holds sealed addresses of its attachments by their ids; that of a file that is here already is not kept.
        """
        for _ in range(_TRIES):
            job = self.get(tenant, job_id)
            unfinished = job.failed > 0 or not job.listed or job.status == ImportStatus.CANCELLED
            if job.source_kind == "upload" or not ImportStatus(job.status).is_terminal or not unfinished:
                break
            if job.wake_at is not None:
                raise ApiError(ErrorCode.CONFLICT, "the job is still closing its files; try again in a moment")
            try:
                self._take_up_again(job, fresh or {})
                break
            except Changed:
                continue  # another was quicker, or this very commit was done and its answer lost
        else:
            raise ApiError(ErrorCode.CONFLICT, "the job changed in the same moment; try again")
        if job.status == ImportStatus.SCANNING and job.page_id == f"r{job.round}-0":
            self._queues.send(ScanImport(tenant=tenant, job_id=job_id, page_id=job.page_id), slot=f"retried-{job.round}")
        return job

    def _take_up_again(self, job: ImportJob, fresh: Mapping[str, str]) -> None:
        batch = self._store.batch()
        for file in self._store.get_all(SourceFile, [(job.tenant, job.job_id, one) for one in fresh]):
            if file.status != FileStatus.IMPORTED:
                batch.change(file, sealed=fresh[file.file_id])
        batch.change(
            job,
            status=ImportStatus.SCANNING,
            round=job.round + 1,
            page_id=f"r{job.round + 1}-0",
            page_token="",  # an unfinished listing begins anew: what it knows already is left out
            page_number=job.page_number + 1,
            error_code="",
            error_message="",
            failures=0,
            completed_at=None,
            wake_at=self._store.clock() + WAKE_AFTER,
        )
        batch.commit()

    def note_execution(self, tenant: str, job_id: str, execution: dict[str, Any]) -> None:
        """What was made of the media that came: `{status: pending|submitted|blocked, run_id, error_code, error}`."""
        job = self._store.get(ImportJob, tenant, job_id)
        if job is not None and job.execution != execution:
            batch = self._store.batch()
            batch.change(job, fenced=False, execution=execution)
            batch.commit()


def output_item(file: SourceFile) -> dict[str, Any]:
    """One media item that came, or is to come, of one object."""
    return {
        "file_id": file.file_id,
        "file_name": object_names.title(file.path),
        "source_ordinal": file.ordinal,
        "part_index": 0,
        "part_count": 1,
        "source_start_seconds": 0.0,
        "source_end_seconds": file.duration_seconds,
        "video_id": file.video_id if file.status == FileStatus.IMPORTED else "",
        "title": file.title,
        "status": file.status,
    }


def record_upload(store: Store, video: Video, job_id: str, file_name: str) -> ImportJob:
    """A finished job for one media item that came in by itself; a repeat of the request finds the first one's."""
    now = store.clock()
    common: dict[str, Any] = {"created_at": now, "updated_at": now, "tenant": video.tenant, "job_id": job_id}
    name = object_names.title(file_name or video.title)
    file = SourceFile(
        **common,
        file_id=file_id(job_id, name),
        ordinal=0,
        path=name,
        size_bytes=video.size_bytes,
        etag=video.generation,
        open=False,
        is_output=True,
        status=FileStatus.IMPORTED,
        video_id=video.video_id,
        title=video.title,
        duration_seconds=video.duration_seconds,
        bytes_copied=video.size_bytes,
        completed_at=now,
    )
    job = ImportJob(
        **common,
        user_id=video.user_id,
        source_kind="upload",
        index_id=video.index_id,
        connector_id=video.source_connector_id,
        recursive=False,
        listed=True,
        ordinals=1,
        total_files=1,
        imported=1,
        bytes_transferred=video.size_bytes,
        status=ImportStatus.COMPLETED,
        video_ids=[video.video_id],
        head_outputs=[output_item(file)],
        started_at=now,
        completed_at=now,
    )
    batch = store.batch()
    batch.create(job)
    batch.create(file)
    try:
        batch.commit()
    except Changed:
        return store.get(ImportJob, video.tenant, job_id) or job
    return job
