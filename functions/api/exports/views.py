"""An export on the wire: every key is there, null where there is nothing to say."""

from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.exports import MAX_ATTEMPTS, Export, ExportState
from shared.domain.failures import FailureCode
from shared.http.answers import Moment
from shared.http.routes import PREFIX


class ExportParams(TypedDict, total=False):
    prompt_run_ids: list[str]
    destination_connector_id: str
    destination_base_path: str
    destination_subpath: str


class ExportAnswer(TypedDict):
    """`queue_status`: queued, leased, running, failed, succeeded or dead_letter. `download_url` needs a credential."""

    export_id: str
    user_id: str
    export_type: Literal["index", "prompt_run"]
    target_id: str
    status: Literal["pending", "processing", "completed", "failed"]
    format: Literal["json", "jsonl", "parquet"]
    created_at: Moment
    gcs_uri: str | None
    download_url: str | None
    file_size_bytes: int | None
    error_message: str | None
    export_params: ExportParams | None
    queue_status: Literal["queued", "leased", "running", "failed", "succeeded", "dead_letter"]
    attempts: int
    max_attempts: int
    available_at: Moment | None
    started_at: Moment | None
    completed_at: Moment | None
    updated_at: Moment
    last_error: str | None
    destination_type: Literal["download", "connector"]
    destination_connector_id: str | None
    destination_base_path: str | None
    destination_subpath: str | None
    destination_uri: str | None


class DownloadUrlAnswer(TypedDict):
    """`download_url` is a secret for ten minutes; null where there is nothing to download."""

    export_id: str
    status: Literal["pending", "processing", "completed", "failed"]
    destination_type: Literal["download", "connector"]
    destination_connector_id: str | None
    download_url: str | None


def export_view(export: Export, now: datetime) -> dict[str, Any]:
    destination = _destination(export)
    return {
        "export_id": export.export_id,
        "user_id": export.user_id,
        "export_type": export.export_type,
        "target_id": export.target_id,
        "status": export.status,
        "format": export.file_format,
        "created_at": wire_time(export.created_at),
        "gcs_uri": _gcs_uri(export),
        "download_url": f"{PREFIX}/exports/{export.export_id}/download" if can_download(export) else None,
        "file_size_bytes": export.file_size_bytes if export.status == ExportState.COMPLETED else None,
        "error_message": export.error_message or None,
        "export_params": _params(export, destination),
        "queue_status": _queue_status(export, now),
        "attempts": _attempts(export, now),
        "max_attempts": MAX_ATTEMPTS,
        "available_at": wire_time(export.available_at),
        "started_at": wire_time(export.started_at),
        "completed_at": wire_time(export.completed_at),
        "updated_at": wire_time(export.updated_at),
        "last_error": export.last_error or None,
        "destination_type": "connector" if export.to_connector else "download",
        **destination,
        "destination_uri": export.destination_uri or None,
    }


def can_download(export: Export) -> bool:
    return export.status == ExportState.COMPLETED and not export.to_connector


def _destination(export: Export) -> dict[str, Any]:
    return {
        "destination_connector_id": export.destination_connector_id or None,
        "destination_base_path": export.destination_base_path or None,
        "destination_subpath": export.destination_subpath or None,
    }


def _gcs_uri(export: Export) -> str | None:
    if export.to_connector:
        return export.destination_uri or None
    return export.artifact_uri if can_download(export) else None


def _params(export: Export, destination: dict[str, Any]) -> dict[str, Any] | None:
    """What was asked for beside the target; null if nothing was."""
    asked: dict[str, Any] = {"prompt_run_ids": export.prompt_run_ids} if export.prompt_run_ids else {}
    asked |= {name: value for name, value in destination.items() if value is not None}
    return asked or None


def _held(export: Export, now: datetime) -> bool:
    return export.lease_until is not None and export.lease_until > now


def _queue_status(export: Export, now: datetime) -> str:
    """`queued` also between two attempts; `dead_letter` once the attempts are used up."""
    if export.status == ExportState.COMPLETED:
        return "succeeded"
    if export.status == ExportState.FAILED:
        return "dead_letter" if export.error_code == FailureCode.ATTEMPTS_EXHAUSTED else "failed"
    if not _held(export, now):
        return "queued"
    return "running" if export.status == ExportState.PROCESSING else "leased"


def _attempts(export: Export, now: datetime) -> int:
    """Those that counted, with the one under way; being told to wait is none."""
    under_way = export.status == ExportState.COMPLETED or _held(export, now)
    return min(MAX_ATTEMPTS, export.failures + int(under_way))
