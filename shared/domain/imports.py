"""Imports: media that come from a customer's storage, a job for each wish and a row for each object."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from shared.domain.connectors import ImportMode
from shared.domain.documents import Document, Work, json_field
from shared.domain.ids import derived_id

HEAD_ITEMS = 100  # outputs and files that stand on the job itself; the rest is paged through
HEAD_VIDEOS = 1_000


class ImportStatus(StrEnum):
    PENDING = "pending"
    SCANNING = "scanning"
    IMPORTING = "importing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in (ImportStatus.COMPLETED, ImportStatus.FAILED, ImportStatus.CANCELLED)


class FileStatus(StrEnum):
    PENDING = "pending"
    IMPORTING = "importing"
    IMPORTED = "imported"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(kw_only=True)
class ImportJob(Work):
    """`page_id` names the step of the listing that comes next (`p<n>`, or `r<round>-<n>` while failed files are taken up again);
    `page_token` is the store's own word for it. Counters are counted from the files, never incremented by them.

    A job that ended keeps `wake_at` until its open files are closed.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/import_jobs/{job_id}"

    tenant: str
    job_id: str
    user_id: str
    source_kind: str = "connector"  # or "upload", or "attachment": files at addresses that were sent
    connector_id: str = ""
    index_id: str = ""
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    import_mode: str = ImportMode.ALL
    automation_id: str = ""
    page_id: str = "p0"
    page_token: str = ""
    page_number: int = 0
    listed: bool = False  # whether the listing is at its end
    ordinals: int = 0  # given out so far
    round: int = 0  # of retries
    total_files: int = 0
    imported: int = 0
    failed: int = 0
    skipped: int = 0
    bytes_transferred: int = 0
    current_file: str = ""
    error_code: str = ""
    error_message: str = ""
    execution: dict[str, Any] = field(default_factory=dict)  # what an automation made of it: status, run_id, error_code, error
    video_ids: list[str] = json_field(list)
    head_outputs: list[dict[str, Any]] = json_field(list)
    head_failed: list[dict[str, Any]] = json_field(list)
    head_skipped: list[dict[str, Any]] = json_field(list)
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(kw_only=True)
class SourceFile(Work):
    """One object of the listing. `etag` and `size_bytes` say which version was listed."""

    PATH: ClassVar[str] = "tenants/{tenant}/import_jobs/{job_id}/files/{file_id}"

    tenant: str
    job_id: str
    file_id: str
    ordinal: int
    path: str
    size_bytes: int
    etag: str
    open: bool
    is_output: bool  # what was skipped gives nothing
    video_id: str = ""
    title: str = ""
    duration_seconds: float = 0.0
    bytes_copied: int = 0
    error_code: str = ""
    error_message: str = ""
    skip_reason: str = ""
    sealed: str = ""  # an attachment's address until the file is here: whoever has it may have the file
    completed_at: datetime | None = None


@dataclass(kw_only=True)
class SeenFile(Document):
    """One version of an object that a connector has given an index already, or that was no media: `new_only` passes it by."""

    PATH: ClassVar[str] = "tenants/{tenant}/seen_files/{seen_id}"

    tenant: str
    seen_id: str
    connector_id: str
    index_id: str
    outcome: str  # imported | refused
    reason: str = ""


MOST_ATTACHED = 50  # files in one request


def file_id(job_id: str, path: str) -> str:
    return derived_id("import_file", job_id, path)


def source_place(tenant: str, job_id: str, file_id: str) -> str:
    """What an attachment's address is bound to: sealed for one file, it does not open for another."""
    return f"tenants/{tenant}/import_jobs/{job_id}/files/{file_id}"


def seen_id(connector_id: str, index_id: str, path: str, etag: str, size: int) -> str:
    return derived_id("import_file", "seen", connector_id, index_id, path, etag, size)


# Names that say plainly that no media is behind them: passed by without a look. All else is judged by its content.
NOT_MEDIA = frozenset(
    {
        ".txt",
        ".md",
        ".rtf",
        ".pdf",
        ".doc",
        ".docx",
        ".xls",
        ".xlsx",
        ".ppt",
        ".pptx",
        ".odt",
        ".ods",
        ".csv",
        ".tsv",
        ".json",
        ".jsonl",
        ".ndjson",
        ".xml",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".html",
        ".htm",
        ".css",
        ".js",
        ".py",
        ".java",
        ".go",
        ".rs",
        ".sh",
        ".bat",
        ".sql",
        ".db",
        ".sqlite",
        ".parquet",
        ".avro",
        ".orc",
        ".log",
        ".zip",
        ".gz",
        ".tgz",
        ".bz2",
        ".xz",
        ".7z",
        ".rar",
        ".tar",
        ".iso",
        ".dmg",
        ".exe",
        ".dll",
        ".srt",
        ".vtt",
        ".ass",
        ".nfo",
        ".torrent",
        ".part",
        ".tmp",
        ".bak",
        ".ds_store",
        ".svg",
        ".psd",
        ".ai",
        ".eps",
    }
)
