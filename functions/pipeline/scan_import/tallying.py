"""Counting a job from its files, and the first of them that stand on the job itself."""

from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.imports import HEAD_ITEMS, HEAD_VIDEOS, FileStatus, ImportJob, SourceFile
from shared.store.documents import Store
from shared.store.imports import output_item

MESSAGE_CHARS = 300


def tally(job: ImportJob, store: Store) -> dict[str, int]:
    """Of the rows that are stored now."""
    files = store.collection(SourceFile, job.tenant, job.job_id)

    def count(status: FileStatus) -> int:
        return int(files.where(filter=FieldFilter("status", "==", status)).count().get()[0][0].value)

    return {
        "total_files": job.ordinals,
        "imported": count(FileStatus.IMPORTED),
        "failed": count(FileStatus.FAILED),
        "skipped": count(FileStatus.SKIPPED),
        "bytes_transferred": int(files.sum("bytes_copied").get()[0][0].value or 0),
    }


def any_open(job: ImportJob, store: Store) -> bool:
    files = store.collection(SourceFile, job.tenant, job.job_id)
    return store.first(SourceFile, files.where(filter=FieldFilter("open", "==", True))) is not None


def current_file(job: ImportJob, store: Store) -> str:
    files = store.collection(SourceFile, job.tenant, job.job_id)
    one = store.first(SourceFile, files.where(filter=FieldFilter("status", "==", FileStatus.IMPORTING)))
    return "" if one is None else one.path


def heads(job: ImportJob, store: Store, *, videos: int = HEAD_VIDEOS) -> dict[str, Any]:
    """What the job's own answer shows of its files."""
    imported = _first(job, store, "status", FileStatus.IMPORTED, videos)
    outputs = _first(job, store, "is_output", True, HEAD_ITEMS)
    failed = _first(job, store, "status", FileStatus.FAILED, HEAD_ITEMS)
    skipped = _first(job, store, "status", FileStatus.SKIPPED, HEAD_ITEMS)
    return {
        "video_ids": [one.video_id for one in imported],
        "head_outputs": [output_item(one) for one in outputs],
        "head_failed": [
            {"path": one.path, "error": one.error_message[:MESSAGE_CHARS], "file_id": one.file_id, "source_ordinal": one.ordinal}
            for one in failed
        ],
        "head_skipped": [{"path": one.path, "reason": one.skip_reason[:MESSAGE_CHARS]} for one in skipped],
    }


def _first(job: ImportJob, store: Store, field: str, value: Any, most: int) -> list[SourceFile]:
    files = store.collection(SourceFile, job.tenant, job.job_id)
    return list(store.stream(SourceFile, files.where(filter=FieldFilter(field, "==", value)).order_by("ordinal").limit(most)))
