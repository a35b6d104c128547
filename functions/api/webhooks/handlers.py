"""Making webhooks, changing them, trying them, and seeing what became of what they were told."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from functions.api.webhooks.schemas import DeliveryList, WebhookCreate, WebhookUpdate
from functions.api.webhooks.views import delivery_view, webhook_view
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.events import EventType
from shared.domain.ids import new_id
from shared.domain.webhooks import (
    MOST_SECRETS,
    MOST_WEBHOOKS,
    OVERLAP,
    WAKE_GRACE,
    Delivery,
    DeliveryStatus,
    Webhook,
    WebhookStatus,
    payload_of,
)
from shared.egress.client import Egress, Refused
from shared.http.call import Call
from shared.messaging.messages import DeliverWebhook
from shared.messaging.queues import Queues
from shared.secrets import Sealer
from shared.store.documents import Changed, Store
from shared.store.idempotency import record_id
from shared.store.indexes import Indexes
from shared.store.webhooks import Webhooks, webhook_not_found
from shared.webhooks.posting import Posting
from shared.webhooks.signing import new_secret

TEST_EVENT = "webhook.test"


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    webhooks: Webhooks
    indexes: Indexes
    egress: Egress
    sealer: Sealer
    posting: Posting


def list_events(call: Call[None], deps: Deps) -> list[str]:
    """List the names of all events"""
    return [event.value for event in EventType]


def create(call: Call[WebhookCreate], deps: Deps) -> dict[str, Any]:
    """Create a webhook; its signing secret is shown in this answer alone"""
    body = call.body
    record, asked = _asked(call)
    made = deps.webhooks.asked_by(call.tenant, record) if record else None
    if made is not None:
        if made.asked != asked:
            raise ApiError(ErrorCode.IDEMPOTENCY_KEY_REUSED, "this Idempotency-Key was used with another request")
        return _with_secret(made, deps)
    _check(call.tenant, deps, body.url, body.index_ids)
    if len(deps.webhooks.all(call.tenant)) >= MOST_WEBHOOKS:
        raise ApiError(ErrorCode.CONFLICT, f"there are {MOST_WEBHOOKS} webhooks, the most there can be; delete one first")
    now = deps.store.clock()
    webhook = Webhook(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        webhook_id=call.new_id("webhook"),
        user_id=call.caller.user_id,
        name=body.name,
        url=body.url,
        events=list(body.events),
        index_ids=body.index_ids,
        metadata=body.metadata,
        asked_by=record,
        asked=asked,
    )
    webhook.secret = deps.sealer.seal(new_secret().encode(), webhook.sealed_in())
    return _with_secret(deps.store.create_once(webhook), deps)


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List webhooks, the newest first"""
    return [webhook_view(one) for one in deps.webhooks.all(call.tenant)]


def retrieve(call: Call[None], deps: Deps, webhook_id: str) -> dict[str, Any]:
    """Retrieve a webhook"""
    return webhook_view(deps.webhooks.get(call.tenant, webhook_id))


def update(call: Call[WebhookUpdate], deps: Deps, webhook_id: str) -> dict[str, Any]:
    """Change a webhook; what is not sent stays as it is"""
    body = call.body
    deps.webhooks.get(call.tenant, webhook_id)
    _check(call.tenant, deps, body.url, body.index_ids)
    values: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if "events" in values:
        values["events"] = list(values["events"])
    if values.get("status") == WebhookStatus.ACTIVE:
        values |= {"failure_count": 0, "failing_since": None, "disabled_reason": "", "disabled_at": None}
    return webhook_view(deps.webhooks.change(call.tenant, webhook_id, lambda _: values))


def remove(call: Call[None], deps: Deps, webhook_id: str) -> dict[str, Any]:
    """Delete a webhook; nothing is sent to it any more"""
    webhook = deps.store.get(Webhook, call.tenant, webhook_id)
    if webhook is None and not call.resumed:  # else a dead attempt of this call removed it
        raise webhook_not_found()
    if webhook is not None:
        deps.webhooks.remove(webhook)
    return {"message": "The webhook is deleted.", "webhook_id": webhook_id}


def rotate_secret(call: Call[None], deps: Deps, webhook_id: str) -> dict[str, Any]:
    """Replace the signing secret; the old one signs beside it for 24 hours"""
    now = deps.store.clock()
    until = now + OVERLAP
    made = new_secret()

    def rotated(webhook: Webhook) -> dict[str, Any]:
        still = [one for one in webhook.former if one["until"] > now]
        if len(still) + 2 > MOST_SECRETS:
            raise ApiError(ErrorCode.CONFLICT, f"{MOST_SECRETS} secrets sign already; rotate again when the oldest has ended")
        sealed = deps.sealer.seal(made.encode(), webhook.sealed_in())
        return {"secret": sealed, "former": [{"secret": webhook.secret, "until": until}, *still]}

    deps.webhooks.change(call.tenant, webhook_id, rotated)
    return {"webhook_id": webhook_id, "new_secret": made, "old_secret_until": until}


def test(call: Call[None], deps: Deps, webhook_id: str) -> dict[str, Any]:
    """Send a test event now, and tell what the receiver answered"""
    webhook = deps.webhooks.get(call.tenant, webhook_id)
    now = deps.store.clock()
    event_id, delivery_id = new_id("event"), new_id("delivery")
    data = {"webhook_id": webhook_id, "message": "This is a test event."}
    outcome = deps.posting.post(
        webhook,
        payload_of(event_id, TEST_EVENT, now, data, webhook.metadata),
        message_id=event_id,
        delivery_id=delivery_id,
        attempt_id=f"{delivery_id}.1",
        event_type=TEST_EVENT,
        now=now,
    )
    return {"success": outcome.delivered, "status_code": outcome.status_code, "error": outcome.error or None}


def list_deliveries(call: Call[None], deps: Deps, webhook_id: str) -> list[dict[str, Any]]:
    """List deliveries of a webhook, the newest first"""
    query: DeliveryList = call.query
    deps.webhooks.get(call.tenant, webhook_id)
    return [delivery_view(one) for one in deps.webhooks.deliveries(call.tenant, webhook_id, query.status, query.limit)]


def retrieve_delivery(call: Call[None], deps: Deps, delivery_id: str) -> dict[str, Any]:
    """Retrieve a delivery with its payload and every attempt"""
    return delivery_view(deps.webhooks.delivery(call.tenant, delivery_id))


def retry_delivery(call: Call[None], deps: Deps, delivery_id: str) -> dict[str, Any]:
    """Send a failed delivery again now, with a new series of attempts"""
    delivery = deps.webhooks.delivery(call.tenant, delivery_id)
    webhook = deps.webhooks.get(call.tenant, delivery.webhook_id)
    if call.resumed and delivery.status == DeliveryStatus.PENDING and delivery.series:
        _send(delivery, deps)  # an earlier attempt of this request came so far
        return delivery_view(delivery)
    if delivery.status not in (DeliveryStatus.FAILED, DeliveryStatus.RETRYING):
        raise ApiError(ErrorCode.CONFLICT, f"the delivery is {delivery.status}; one that failed can be sent again")
    if webhook.status != WebhookStatus.ACTIVE:
        raise ApiError(ErrorCode.CONFLICT, f"the webhook is {webhook.status}; set its status to active first")
    _check(call.tenant, deps, webhook.url, [])
    now = deps.store.clock()
    batch = deps.store.batch()
    anew: dict[str, Any] = {"series": delivery.series + 1, "tries": 0, "next_retry_at": None, "completed_at": None}
    batch.change(delivery, status=DeliveryStatus.PENDING, wake_at=now + WAKE_GRACE, **anew)
    try:
        batch.commit()
    except Changed as error:
        raise ApiError(ErrorCode.CONFLICT, "the delivery has just moved on; look at it again") from error
    _send(delivery, deps)
    return delivery_view(delivery)


def _send(delivery: Delivery, deps: Deps) -> None:
    deps.queues.send(DeliverWebhook(tenant=delivery.tenant, delivery_id=delivery.delivery_id), slot=delivery.slot)


def _asked(call: Call[WebhookCreate]) -> tuple[str, str]:
    """The idempotency record of this request ("" for none), and a digest of what it asks for."""
    key = call.request.headers.get("Idempotency-Key").strip()
    said = json.dumps(call.body.model_dump(mode="json"), sort_keys=True)
    return record_id(call.tenant, "POST /webhooks", (), key) if key else "", hashlib.sha256(said.encode()).hexdigest()


def _check(tenant: str, deps: Deps, url: str, index_ids: list[str]) -> None:
    """Faults of the body before ids that name nothing."""
    if url:
        try:
            deps.egress.check(url)
        except Refused as error:
            raise invalid("url", str(error)) from error
    for index_id in index_ids:
        deps.indexes.get(tenant, index_id)


def _with_secret(webhook: Webhook, deps: Deps) -> dict[str, Any]:
    return {**webhook_view(webhook), "secret": deps.sealer.open(webhook.secret, webhook.sealed_in()).decode()}
