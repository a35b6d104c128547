"""One attempt of one delivery: taken by compare-and-set, written down before it is made, judged, and planned anew if it failed.

A worker that dies in between leaves a row that says so; the attempt is made again, since nobody knows whether it arrived.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.pipeline.deliver_webhook.lanes import Lanes, Passage
from shared.domain.clock import wire_time
from shared.domain.webhooks import (
    ATTEMPTS,
    ENDED,
    LEASE,
    WAKE_GRACE,
    Delivery,
    DeliveryStatus,
    Webhook,
    WebhookStatus,
    delay_before,
)
from shared.messaging.messages import DeliverWebhook
from shared.messaging.queues import Queues
from shared.store.documents import Changed, Store
from shared.store.webhooks import Webhooks
from shared.webhooks.posting import GONE, Outcome, Posting
from shared.work.outcomes import Retry, Throttled

EARLY = timedelta(seconds=2)  # the queue's clock may run before ours; its task's name is used up then


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    webhooks: Webhooks
    posting: Posting
    lanes: Lanes


def deliver_webhook(message: DeliverWebhook, deps: Deps) -> None:
    delivery = deps.store.get(Delivery, message.tenant, message.delivery_id)
    if delivery is None or delivery.status in ENDED:
        return
    now = deps.store.clock()
    if delivery.lease_until is not None and delivery.lease_until > now:
        raise Throttled((delivery.lease_until - now).total_seconds() + 1, "another worker makes this attempt")
    if delivery.next_retry_at is not None and delivery.next_retry_at > now + EARLY:
        _send_next(delivery, deps)  # whoever planned it may have died before it said so
        return
    webhook = deps.store.get(Webhook, delivery.tenant, delivery.webhook_id)
    if webhook is None or webhook.status != WebhookStatus.ACTIVE:
        state = "deleted" if webhook is None else webhook.status
        _commit(delivery, deps, **_ended(DeliveryStatus.FAILED, now), error_message=f"not sent: the webhook is {state}")
        return
    if delivery.tries >= ATTEMPTS:
        said = "the worker ended in the last attempt; it may have arrived"
        _commit(delivery, deps, **_ended(DeliveryStatus.FAILED, now), attempt_log=_lost(delivery), error_message=said)
        return
    with deps.lanes.enter(webhook.webhook_id) as passage:
        if passage is None:
            _come_by_again(delivery, now, deps.lanes.again_after(webhook.webhook_id), deps)
            return
        _attempt(delivery, webhook, passage, deps)


def _attempt(delivery: Delivery, webhook: Webhook, passage: Passage, deps: Deps) -> None:
    now = deps.store.clock()
    attempt_id = _take(delivery, now, deps)
    with passage.timed():
        outcome = deps.posting.post(
            webhook,
            delivery.payload,
            message_id=delivery.event_id,
            delivery_id=delivery.delivery_id,
            attempt_id=attempt_id,
            event_type=delivery.event_type,
            now=now,
        )
    ended = deps.store.clock()
    _conclude(delivery, outcome, ended, deps)
    if outcome.delivered:
        deps.webhooks.succeeded(webhook, ended)
    else:
        deps.webhooks.failed(webhook, ended, gone=outcome.status_code == GONE)


def _take(delivery: Delivery, now: datetime, deps: Deps) -> str:
    """Raises `Retry` if another worker was quicker."""
    number = delivery.attempts + 1
    attempt_id = f"{delivery.delivery_id}.{number}"
    row = {"attempt_id": attempt_id, "number": number, "started_at": wire_time(now), "outcome": "under_way"}
    _commit(
        delivery,
        deps,
        status=DeliveryStatus.PROCESSING,
        attempt=delivery.attempt + 1,
        attempts=number,
        tries=delivery.tries + 1,
        attempt_log=[*_lost(delivery), row],
        last_attempt_at=now,
        next_retry_at=None,
        lease_until=now + LEASE,
        wake_at=now + LEASE + WAKE_GRACE,
    )
    return attempt_id


def _lost(delivery: Delivery) -> list[dict[str, Any]]:
    """The log, in which an attempt that nobody ended is now known to have been cut short."""
    error = "the worker ended before the answer was kept; it may have arrived"
    return [{**row, "outcome": "lost", "error": error} if row["outcome"] == "under_way" else row for row in delivery.attempt_log]


def _conclude(delivery: Delivery, outcome: Outcome, now: datetime, deps: Deps) -> None:
    row = {
        **delivery.attempt_log[-1],
        "ended_at": wire_time(now),
        "outcome": "delivered" if outcome.delivered else "failed",
        "status_code": outcome.status_code,
        "error": outcome.error,
    }
    answered: dict[str, Any] = {
        "attempt_log": [*delivery.attempt_log[:-1], row],
        "response_status_code": outcome.status_code,
        "response_body": outcome.response_body,
        "error_message": outcome.error,
    }
    wait = delay_before(delivery.tries, delivery.delivery_id, outcome.retry_after) if outcome.retryable else None
    if outcome.delivered or wait is None:
        status = DeliveryStatus.DELIVERED if outcome.delivered else DeliveryStatus.FAILED
        _commit(delivery, deps, **answered, **_ended(status, now))
        return
    due = now + wait
    planned = {"status": DeliveryStatus.RETRYING, "next_retry_at": due, "wake_at": due + WAKE_GRACE, "lease_until": None}
    _commit(delivery, deps, **answered, **planned)
    _send_next(delivery, deps)


def _ended(status: DeliveryStatus, now: datetime) -> dict[str, Any]:
    return {"status": status, "completed_at": now, "next_retry_at": None, "lease_until": None, "wake_at": None}


def _commit(delivery: Delivery, deps: Deps, **values: Any) -> None:
    batch = deps.store.batch()
    batch.change(delivery, **values)
    try:
        batch.commit()
    except Changed as error:
        raise Retry("another worker was quicker, or it was asked for anew") from error


def _send_next(delivery: Delivery, deps: Deps) -> None:
    message = DeliverWebhook(tenant=delivery.tenant, delivery_id=delivery.delivery_id)
    deps.queues.send(message, slot=delivery.slot, not_before=delivery.next_retry_at)


def _come_by_again(delivery: Delivery, now: datetime, seconds: int, deps: Deps) -> None:
    """By a task of its own rather than by a refusal, which would make the queue slow for everybody.

    All messages of a delivery that meet a full lane in the same seconds become one.
    """
    at = (math.floor(now.timestamp() / seconds) + 1) * seconds
    again = now + timedelta(seconds=at - now.timestamp())
    message = DeliverWebhook(tenant=delivery.tenant, delivery_id=delivery.delivery_id)
    deps.queues.send(message, slot=f"busy-{at}", not_before=again)
