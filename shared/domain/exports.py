"""Exports: what runs found, as one file to download or in a customer's storage."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal
from urllib.parse import unquote

from shared.domain.documents import Work

MAX_ATTEMPTS = 5
TOKEN_LASTS = timedelta(minutes=10)
MOST_RUNS = 200  # named in one export
MOST_SUBPATH_CHARS = 512
_TOKEN = re.compile(r"^v1\.([A-Za-z0-9_-]{10,1900})\.([A-Za-z0-9_-]{43})\Z")

ExportFormat = Literal["json", "jsonl", "parquet"]
MEDIA_TYPES: dict[str, str] = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


class ExportState(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        return self in (ExportState.COMPLETED, ExportState.FAILED)


@dataclass(kw_only=True)
class Export(Work):
    """`artifact_uri` is the file in our own bucket that counts; its name carries the attempt that wrote it.

    For a connector the file is copied from there to `destination_uri`, then removed. `automation_id`: the automation that asked.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/exports/{export_id}"

    tenant: str
    export_id: str
    user_id: str
    export_type: Literal["index", "prompt_run"]
    target_id: str
    file_format: str = "json"
    prompt_run_ids: list[str] = field(default_factory=list)  # of an index export; empty: every run over the index
    destination_connector_id: str = ""  # empty: to be downloaded
    destination_base_path: str = ""
    destination_subpath: str = ""
    destination_uri: str = ""
    automation_id: str = ""
    artifact_uri: str = ""
    file_size_bytes: int = 0
    available_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_code: str = ""
    error_message: str = ""
    last_error: str = ""

    @property
    def file_name(self) -> str:
        return f"{self.export_type}-{self.target_id}-{self.export_id}.{self.file_format}"

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.file_format]

    @property
    def to_connector(self) -> bool:
        return bool(self.destination_connector_id)


def exports_prefix(tenant: str, export_id: str, attempt: int | None = None) -> str:
    """Where the files of an export lie: of one attempt, or of all."""
    return f"exports/{tenant}/{export_id}/" + (f"{attempt}/" if attempt is not None else "")


class BadPath(ValueError):
    """A path that could lead elsewhere than it says."""


def clean_path(path: str) -> str:
    """The path without slashes at its ends. Raises `BadPath` for dots, empty steps, backslashes and control characters."""
    steps = path.strip("/").split("/")
    if steps == [""]:
        return ""
    for step in steps:
        plain = unquote(unquote(step))
        if plain.strip() in ("", ".", "..") or "/" in plain or "\\" in plain or not plain.isprintable():
            raise BadPath("use plain names between single slashes: no dots alone, no backslashes, no control characters")
    return "/".join(steps)


def destination_path(base_path: str, subpath: str) -> str:
    """The folder an export goes to: never outside `base_path`. A subpath that already begins with the base is taken as it is."""
    base, below = clean_path(base_path), clean_path(subpath)
    if not base or below == base or below.startswith(base + "/"):
        return below
    return f"{base}/{below}" if below else base


class DownloadTokens:
    """Short-lived tokens, each good for the download of one export of one tenant: `v1.<claims>.<mac>`."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"export-download\x00" + key.encode()).digest()

    def mint(self, tenant: str, export_id: str, now: datetime) -> str:
        claims = {"t": tenant, "e": export_id, "x": int((now + TOKEN_LASTS).timestamp())}
        body = _text(json.dumps(claims, separators=(",", ":")).encode())
        return f"v1.{body}.{_text(self._mac(body))}"

    def tenant(self, token: str, export_id: str, now: datetime) -> str | None:
        """Whose export it opens; None for a token that is not ours, not this export's, or too old."""
        match = _TOKEN.match(token)
        if match is None or not hmac.compare_digest(match.group(2), _text(self._mac(match.group(1)))):
            return None
        claims = json.loads(_bytes(match.group(1)))  # ours, as its code has proven
        if claims["e"] != export_id or claims["x"] <= now.timestamp():
            return None
        return str(claims["t"])

    def _mac(self, body: str) -> bytes:
        return hmac.digest(self._key, body.encode(), "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
