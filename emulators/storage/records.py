"""One object as stored, and as the JSON API shows it."""

import base64
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .errors import Resource, invalid
from .state import rfc3339

DEFAULT_BASE = "https://storage.googleapis.com"
WRITABLE = (
    "contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl", "customTime",
    "metadata", "storageClass",
)  # fmt: skip
MAX_NAME_BYTES = 1024
MAX_METADATA_BYTES = 8 * 1024


@dataclass(frozen=True)
class Record:
    """An object's row. `content` names its bytes, `fields` is the part of its resource that a caller may write."""

    bucket: str
    name: str
    generation: int
    metageneration: int
    content: str
    size: int
    md5: str | None
    crc32c: str
    created: float
    updated: float
    components: int | None
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return base64.b64encode(f"{self.generation}/{self.metageneration}".encode()).decode()

    @property
    def content_type(self) -> str:
        return self.fields.get("contentType") or "application/octet-stream"

    def resource(self, base: str = DEFAULT_BASE) -> Resource:
        """The JSON API's object; `base` is the address under which the caller reached the service."""
        path = f"b/{self.bucket}/o/{quote(self.name, safe='')}"
        created = rfc3339(self.created)
        shown: Resource = {
            "storageClass": "STANDARD",
            **self.fields,
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{base}/storage/v1/{path}",
            "mediaLink": f"{base}/download/storage/v1/{path}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "size": str(self.size),
            "crc32c": self.crc32c,
            "etag": self.etag,
            "timeCreated": created,
            "updated": rfc3339(self.updated),
            "timeStorageClassUpdated": created,
            "timeFinalized": created,
        }
        if self.md5 is not None:
            shown["md5Hash"] = self.md5
        if self.components is not None:
            shown["componentCount"] = self.components
        return shown

    def to_row(self) -> tuple[Any, ...]:
        return (
            self.bucket, self.name, self.generation, self.metageneration, self.content, self.size, self.md5,
            self.crc32c, self.created, self.updated, self.components, json.dumps(self.fields),
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> "Record":
        values: list[Any] = [*row[:11], json.loads(row[11])]
        return cls(*values)


def find(db: sqlite3.Connection, bucket: str, name: str) -> Record | None:
    row = db.execute("SELECT * FROM objects WHERE bucket = ? AND name = ?", (bucket, name)).fetchone()
    return None if row is None else Record.from_row(row)


def store(db: sqlite3.Connection, record: Record) -> None:
    marks = ", ".join("?" * 12)
    db.execute(f"INSERT OR REPLACE INTO objects VALUES ({marks})", record.to_row())


def writable(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The fields a caller may set, out of a resource it sent."""
    return merged({}, resource)


def merged(fields: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Fields after a patch: `null` removes one, and custom metadata is merged key by key in the same way."""
    result = dict(fields)
    for key in WRITABLE:
        if key not in patch:
            continue
        value = patch[key]
        if value is not None and not isinstance(value, dict if key == "metadata" else str):
            raise invalid(f"{key} has the wrong type.")
        if isinstance(value, dict):
            both = {**(fields.get("metadata") or {}), **value}
            value = {name: text for name, text in both.items() if text is not None}
        result[key] = value
    kept = {key: value for key, value in result.items() if value not in (None, {})}
    _check_metadata(kept.get("metadata") or {})
    return kept


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    if not all(isinstance(value, str) for value in metadata.values()):
        raise invalid("Custom metadata values must be strings.")
    if (
        sum(len(key.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace")) for key, value in metadata.items())
        > MAX_METADATA_BYTES
    ):
        raise invalid("Custom metadata must not exceed 8 KiB.", "MetadataTooLarge")


def check_name(name: str) -> None:
    """Raises 400 for names that production refuses."""
    too_long = len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES
    if not name or too_long or name in (".", "..") or "\r" in name or "\n" in name:
        raise invalid("The object's name is empty, too long (1,024 bytes), or not allowed.", "InvalidObjectName")
    if name.startswith(".well-known/acme-challenge/"):
        raise invalid("That object name is reserved.", "InvalidObjectName")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise invalid("The object's name is not valid UTF-8.", "InvalidObjectName")
