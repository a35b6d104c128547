"""Webhooks and deliveries of a tenant."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.idempotency import IdempotencyRecord
from shared.domain.webhooks import (
    DISABLE_AFTER,
    MOST_WEBHOOKS,
    Delivery,
    Webhook,
    WebhookStatus,
    gives_up,
)
from shared.store.documents import Changed, Store

_TRIES = 5
_SUCCESS_EVERY = 60.0  # seconds: a receiver that is well is not written down with each delivery


def webhook_not_found() -> ApiError:
    return ApiError(ErrorCode.WEBHOOK_NOT_FOUND, "there is no such webhook")


class Webhooks:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, tenant: str, webhook_id: str) -> Webhook:
        """Raises WEBHOOK_NOT_FOUND."""
        webhook = self._store.get(Webhook, tenant, webhook_id)
        if webhook is None:
            raise webhook_not_found()
        return webhook

    def all(self, tenant: str) -> list[Webhook]:
        """Newest first."""
        query = self._store.collection(Webhook, tenant).order_by("created_at", direction="DESCENDING").limit(MOST_WEBHOOKS)
        return list(self._store.stream(Webhook, query))

    def asked_by(self, tenant: str, record: str) -> Webhook | None:
        """The one that this idempotent request has made, while it lives."""
        query = self._store.collection(Webhook, tenant).where(filter=FieldFilter("asked_by", "==", record))
        return self._store.first(Webhook, query)

    def for_event(self, tenant: str, event_type: str) -> list[Webhook]:
        query = self._store.collection(Webhook, tenant).where(filter=FieldFilter("events", "array_contains", event_type))
        return list(self._store.stream(Webhook, query.limit(MOST_WEBHOOKS)))

    def change(self, tenant: str, webhook_id: str, decide: Callable[[Webhook], dict[str, Any]]) -> Webhook:
        """Sets what `decide` says of the webhook as it stands, again if somebody was quicker. Raises WEBHOOK_NOT_FOUND."""
        for _ in range(_TRIES):
            webhook = self.get(tenant, webhook_id)
            values = decide(webhook)
            if not values:
                return webhook
            batch = self._store.batch()
            batch.change(webhook, **values)
            try:
                batch.commit()
            except Changed:
                continue
            return webhook
        raise ApiError(ErrorCode.CONFLICT, "the webhook is being changed by others; try again")

    def remove(self, webhook: Webhook) -> None:
        """With the memory of the request that made it: the same key may then make a new one."""
        batch = self._store.batch()
        batch.delete(webhook)
        if webhook.asked_by:
            now = self._store.clock()
            record = IdempotencyRecord(
                created_at=now,
                updated_at=now,
                tenant=webhook.tenant,
                record_id=webhook.asked_by,
                fingerprint="",
                seed="",
                expires_at=now,
            )
            batch.delete(record)
        batch.commit()

    def succeeded(self, webhook: Webhook, now: datetime) -> None:
        """One success takes every failure back."""
        last = webhook.last_success_at
        well = webhook.failure_count == 0 and webhook.failing_since is None
        if well and last is not None and (now - last).total_seconds() < _SUCCESS_EVERY:
            return
        self._note(webhook, lambda _: {"failure_count": 0, "failing_since": None, "last_success_at": now})

    def failed(self, webhook: Webhook, now: datetime, *, gone: bool = False) -> None:
        """Counts it; disables a receiver that is gone by its own word, or has failed for days."""

        def count(current: Webhook) -> dict[str, Any]:
            values: dict[str, Any] = {
                "failure_count": current.failure_count + 1,
                "failing_since": current.failing_since or now,
                "last_failure_at": now,
            }
            current.failure_count, current.failing_since = values["failure_count"], values["failing_since"]
            if current.status != WebhookStatus.DISABLED and (gone or gives_up(current, now)):
                days = DISABLE_AFTER.days
                reason = "the receiver answered 410 Gone" if gone else f"nothing but failures for {days} days"
                values |= {"status": WebhookStatus.DISABLED, "disabled_reason": reason, "disabled_at": now}
            return values

        self._note(webhook, count)

    def _note(self, webhook: Webhook, decide: Callable[[Webhook], dict[str, Any]]) -> None:
        """Best effort under contention: a count that is one short costs nobody anything."""
        try:
            self.change(webhook.tenant, webhook.webhook_id, decide)
        except ApiError:
            return  # deleted meanwhile, or many at once

    def delivery(self, tenant: str, delivery_id: str) -> Delivery:
        """Raises DELIVERY_NOT_FOUND; one of a deleted webhook is gone with it."""
        delivery = self._store.get(Delivery, tenant, delivery_id)
        if delivery is None or self._store.get(Webhook, tenant, delivery.webhook_id) is None:
            raise ApiError(ErrorCode.DELIVERY_NOT_FOUND, "there is no such delivery")
        return delivery

    def deliveries(self, tenant: str, webhook_id: str, status: str | None, limit: int) -> list[Delivery]:
        """Newest first."""
        query = self._store.collection(Delivery, tenant).where(filter=FieldFilter("webhook_id", "==", webhook_id))
        if status:
            query = query.where(filter=FieldFilter("status", "==", status))
        query = query.order_by("created_at", direction="DESCENDING").limit(limit)
        return list(self._store.stream(Delivery, query))
