"""An import job on the wire, for imports and for uploads alike."""

from collections.abc import Callable
from typing import Any

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.failures import next_step
from shared.domain.imports import FileStatus, ImportJob, ImportStatus, SourceFile
from shared.domain.object_names import title
from shared.http.answers import Moment, Object

MintCursor = Callable[[str, list[Any]], str]  # of a listing and a position in it


class ImportProgressAnswer(TypedDict):
    """Counts of files; a part is what a file gives one media item of, and here each file is one part."""

    total_files: int
    imported: int
    failed: int
    skipped: int
    bytes_transferred: int
    current_file: str | None
    parts_total: int
    parts_completed: int
    parts_failed: int


class ImportOutputAnswer(TypedDict):
    """`video_id` is empty until the item is there."""

    file_id: str
    file_name: str
    source_ordinal: int
    part_index: int
    part_count: int
    source_start_seconds: float
    source_end_seconds: float
    video_id: str
    title: str
    status: str


class ImportOutputsAnswer(TypedDict):
    items: list[ImportOutputAnswer]
    next_cursor: str | None
    total: int


class ImportExecutionAnswer(TypedDict):
    """What an automation ran over the media that came."""

    status: str
    run_id: str | None
    error_code: str | None
    error: str | None


class ImportJobAnswer(TypedDict):
    """`video_ids` holds the first 1,000, `outputs` `failed_files` and `skipped_files` the first 100; the listings have all."""

    job_id: str
    status: str
    phase: str | None
    source_kind: str
    connector_id: str
    target_index_id: str
    source_prefix: str
    file_pattern: str
    recursive: bool
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    error_message: str | None
    progress: ImportProgressAnswer
    outputs: ImportOutputsAnswer
    execution: ImportExecutionAnswer
    video_ids: list[str]
    failed_files: list[dict[str, str]]
    failed_files_next_cursor: str | None
    skipped_files: list[dict[str, str]]


class SourceFileAnswer(TypedDict):
    file_id: str
    file_name: str
    path: str
    size_bytes: int
    source_ordinal: int
    status: str
    part_count: int
    parts_completed: int
    parts_failed: int
    failure: Object | None
    skip_reason: str | None


class SourceFilesAnswer(TypedDict):
    items: list[SourceFileAnswer]
    next_cursor: str | None
    total: int


def outputs_listing(job: ImportJob) -> str:
    """What its cursors are bound to."""
    return f"import-outputs/{job.tenant}/{job.job_id}"


def files_listing(job: ImportJob, *, failed_only: bool) -> str:
    return f"import-files/{job.tenant}/{job.job_id}/{failed_only}"


def import_job_view(job: ImportJob, mint: MintCursor | None = None) -> dict[str, Any]:
    """`mint` makes the cursors that lead on from what stands on the job itself."""
    outputs = job.total_files - job.skipped
    return {
        "job_id": job.job_id,
        "status": job.status,
        "phase": _phase(job),
        "source_kind": "connector" if job.source_kind == "connector" else "upload",
        "connector_id": job.connector_id,
        "target_index_id": job.index_id,
        "source_prefix": job.source_prefix,
        "file_pattern": job.file_pattern,
        "recursive": job.recursive,
        "created_at": wire_time(job.created_at),
        "started_at": wire_time(job.started_at),
        "completed_at": wire_time(job.completed_at),
        "error_message": job.error_message or None,
        "progress": {
            "total_files": job.total_files,
            "imported": job.imported,
            "failed": job.failed,
            "skipped": job.skipped,
            "bytes_transferred": job.bytes_transferred,
            "current_file": job.current_file or None,
            "parts_total": outputs,
            "parts_completed": job.imported,
            "parts_failed": job.failed,
        },
        "outputs": {
            "items": job.head_outputs,
            "next_cursor": _leads_on(job, job.head_outputs, outputs, outputs_listing(job), mint),
            "total": outputs,
        },
        "execution": {"status": "not_requested", "run_id": None, "error_code": None, "error": None, **job.execution},
        "video_ids": job.video_ids,
        "failed_files": [{"path": one["path"], "error": one["error"]} for one in job.head_failed],
        "failed_files_next_cursor": _leads_on(job, job.head_failed, job.failed, files_listing(job, failed_only=True), mint),
        "skipped_files": job.head_skipped,
    }


def _phase(job: ImportJob) -> str | None:
    if job.status == ImportStatus.SCANNING and job.page_id.startswith("r"):
        return "retrying"
    return None if ImportStatus(job.status).is_terminal else job.status


def _leads_on(job: ImportJob, head: list[dict[str, Any]], total: int, listing: str, mint: MintCursor | None) -> str | None:
    if mint is None or not head or len(head) >= total:
        return None
    last = head[-1]
    path = f"tenants/{job.tenant}/import_jobs/{job.job_id}/files/{last['file_id']}"
    return mint(listing, [last["source_ordinal"], path])


def source_file_view(file: SourceFile) -> dict[str, Any]:
    failed = file.status == FileStatus.FAILED
    failure = {"code": file.error_code, "message": file.error_message, "next_step": next_step(file.error_code) or None}
    return {
        "file_id": file.file_id,
        "file_name": title(file.path),
        "path": file.path,
        "size_bytes": file.size_bytes,
        "source_ordinal": file.ordinal,
        "status": file.status,
        "part_count": 0 if file.status == FileStatus.SKIPPED else 1,
        "parts_completed": int(file.status == FileStatus.IMPORTED),
        "parts_failed": int(failed),
        "failure": failure if failed else None,
        "skip_reason": file.skip_reason or None,
    }
