"""From one event to one delivery for each webhook that wants it.

By the event as it was committed, before it has a number: receivers need not wait for the order that readers of the stream want.
"""

from dataclasses import dataclass

from shared.domain.events import Event
from shared.domain.webhooks import ENDED, Delivery, delivery_of
from shared.messaging.messages import DeliverWebhook, EventHappened
from shared.messaging.queues import Queues
from shared.store.documents import Store
from shared.store.webhooks import Webhooks


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    webhooks: Webhooks


def fan_out_webhooks(message: EventHappened, deps: Deps) -> None:
    """Told twice, it finds the deliveries made and sends for those that have not ended; the queue knows their names."""
    event = deps.store.get(Event, message.tenant, message.event_id)
    if event is None:
        return
    now = deps.store.clock()
    for webhook in deps.webhooks.for_event(event.tenant, event.event_type):
        if webhook.wants(event) and webhook.created_at <= event.created_at:
            _deliver(deps.store.create_once(delivery_of(webhook, event, now)), deps.queues)


def _deliver(delivery: Delivery, queues: Queues) -> None:
    if delivery.status in ENDED:
        return
    message = DeliverWebhook(tenant=delivery.tenant, delivery_id=delivery.delivery_id)
    queues.send(message, slot=delivery.slot, not_before=delivery.next_retry_at)
