"""Webhooks and their deliveries: what is kept of them, who is told of what, and when a failed attempt is repeated."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from shared.domain.clock import wire_time
from shared.domain.documents import Document, Work, json_field
from shared.domain.events import Event
from shared.domain.ids import derived_id

API_VERSION = "v2"
MOST_WEBHOOKS = 100  # of one tenant
KEPT = timedelta(days=30)  # deliveries, as long as the events they tell of
OVERLAP = timedelta(hours=24)  # for which a secret that was rotated still signs beside the new one
MOST_SECRETS = 3  # that sign at once

# Before the second attempt, the third…: 8 attempts over 27 h 35 min, the schedule receivers know from other senders.
DELAYS = tuple(timedelta(seconds=s) for s in (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000))
ATTEMPTS = len(DELAYS) + 1
_JITTER = 0.2
ATTEMPT_SECONDS = 15.0  # name service and handshake included
LEASE = timedelta(seconds=45)  # of one attempt: longer than it can take, so nothing is renewed
WAKE_GRACE = timedelta(seconds=60)

DISABLE_AFTER = timedelta(days=5)  # of nothing but failures
DISABLE_FAILURES = 20  # at least so many of them
STORED_BYTES = 4 * 1024  # of what a receiver answered
READ_BYTES = 64 * 1024


class WebhookStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    DELIVERED = "delivered"
    FAILED = "failed"
    RETRYING = "retrying"


ENDED = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED})


@dataclass(kw_only=True)
class Webhook(Document):
    """`secret` and those in `former` are sealed for this document. `failure_count` counts attempts since the last success."""

    PATH: ClassVar[str] = "tenants/{tenant}/webhooks/{webhook_id}"

    tenant: str
    webhook_id: str
    user_id: str
    name: str
    url: str
    events: list[str]
    index_ids: list[str] = field(default_factory=list)  # empty: all
    metadata: dict[str, Any] = json_field()
    status: str = WebhookStatus.ACTIVE
    secret: str = field(default="", repr=False)
    former: list[dict[str, Any]] = field(default_factory=list, repr=False)  # {secret, until}, the latest first
    failure_count: int = 0
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    last_success_at: datetime | None = None
    disabled_reason: str = ""
    disabled_at: datetime | None = None
    asked_by: str = ""  # the idempotency record of the request that made it
    asked: str = ""  # a digest of what that request asked for

    def sealed_in(self) -> str:
        """The place of its secrets, which a sealed text is bound to."""
        return f"{self.tenant}/webhooks/{self.webhook_id}"

    def wants(self, event: Event) -> bool:
        """Whether this event is one to tell; an event of no index is told to all."""
        if self.status != WebhookStatus.ACTIVE or event.event_type not in self.events:
            return False
        touched = {event.index_id, *event.payload.get("index_ids", [])} - {""}
        return not self.index_ids or not touched or bool(touched & set(self.index_ids))

    def signing(self, now: datetime) -> list[str]:
        """The sealed secrets that sign now, the current one first."""
        return [self.secret, *(one["secret"] for one in self.former if one["until"] > now)]


@dataclass(kw_only=True)
class Delivery(Work):
    """One event on its way to one webhook. `attempts` counts all; `tries` those since it was last asked for, by the event or by
    hand. Each attempt has its row in `attempt_log` from before it is made: {attempt_id, number, started_at, ended_at, outcome,
    status_code, error}."""

    PATH: ClassVar[str] = "tenants/{tenant}/deliveries/{delivery_id}"

    tenant: str
    delivery_id: str
    webhook_id: str
    event_id: str
    event_type: str
    payload: dict[str, Any] = json_field()
    attempts: int = 0
    tries: int = 0
    series: int = 0
    attempt_log: list[dict[str, Any]] = json_field(default_factory=list)
    last_attempt_at: datetime | None = None
    next_retry_at: datetime | None = None
    response_status_code: int | None = None
    response_body: str = json_field(default_factory=str)
    error_message: str = ""
    completed_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def slot(self) -> str:
        """Names the next attempt, so that a second sending of its message is one with the first."""
        return f"attempt-{self.series}-{self.tries + 1}"


def delivery_of(webhook: Webhook, event: Event, now: datetime) -> Delivery:
    """The delivery this event always makes for this webhook, with what is sent frozen in it."""
    return Delivery(
        created_at=now,
        updated_at=now,
        tenant=webhook.tenant,
        delivery_id=derived_id("delivery", event.event_id, webhook.webhook_id),
        webhook_id=webhook.webhook_id,
        event_id=event.event_id,
        event_type=event.event_type,
        payload=payload_of(event.event_id, event.event_type, event.created_at, event.payload, webhook.metadata),
        status=DeliveryStatus.PENDING,
        wake_at=now + WAKE_GRACE,
        expires_at=now + KEPT,
    )


def payload_of(event_id: str, event_type: str, created_at: datetime, data: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": event_id,
        "event": event_type,
        "api_version": API_VERSION,
        "created_at": wire_time(created_at),
        "data": data,
        "metadata": metadata,
    }


def delay_before(tries: int, seed: str, retry_after: float | None = None) -> timedelta | None:
    """How long after so many tries the next one comes, spread by a fifth; None after the last.

    What the receiver wishes counts between the plain delay and twice that.
    """
    if tries > len(DELAYS):
        return None
    base = DELAYS[tries - 1].total_seconds()
    if retry_after is not None:
        return timedelta(seconds=min(max(retry_after, base), 2 * base))
    spread = int.from_bytes(hashlib.sha256(f"{seed}/{tries}".encode()).digest()[:4], "big") / 0xFFFFFFFF
    return timedelta(seconds=base * (1 - _JITTER + 2 * _JITTER * spread))


def gives_up(webhook: Webhook, now: datetime) -> bool:
    """Whether this receiver has failed for so long that it is no longer told."""
    since = webhook.failing_since
    return since is not None and now - since >= DISABLE_AFTER and webhook.failure_count >= DISABLE_FAILURES
