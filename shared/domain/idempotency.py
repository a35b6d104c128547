"""The memory of one idempotent request: who runs it, and what was answered."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from shared.domain.documents import Document, json_field

LEASE = timedelta(seconds=90)
KEPT = timedelta(hours=72)  # a fault shipped on a Friday can still be retried safely on Monday


@dataclass(kw_only=True)
class IdempotencyRecord(Document):
    """`seed` outlives a dead attempt: the next one draws the same ids from it and so writes the same documents."""

    PATH: ClassVar[str] = "tenants/{tenant}/idempotency/{record_id}"

    tenant: str
    record_id: str
    fingerprint: str
    seed: str
    expires_at: datetime
    lease_until: datetime | None = None
    done: bool = False
    response_status: int = 0
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = json_field(default_factory=str)
    encoding: str = ""  # how response_body is kept: "text" | "zlib" | "sealed"


@dataclass(frozen=True)
class StoredAnswer:
    """What is replayed: status, headers and body as they were first sent."""

    status: int
    headers: dict[str, str]
    body: bytes
