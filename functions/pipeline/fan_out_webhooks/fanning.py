"""From one event to one delivery for each webhook that wants it.

By the event as it was committed, before it has a number: receivers need not wait for the order that readers of the stream want.
"""

from dataclasses import dataclass

from shared.domain.events import Event
from shared.domain.webhooks import ENDED, Delivery, delivery_of
from shared.messaging.messages import DeliverWebhook, EventHappened
from shared.messaging.queues import Queues
from shared.store.documents import Changed, Store
from shared.store.webhooks import Webhooks


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    webhooks: Webhooks


def fan_out_webhooks(message: EventHappened, deps: Deps) -> None:
    """Told twice, it finds the deliveries made and sends for those that have not ended; the queue knows their names."""
    told_type = message.event_type
    webhooks = deps.webhooks.for_event(message.tenant, told_type) if told_type else []
    if told_type and not webhooks:
        return  # nobody wants such events; most tenants have no webhooks at all
    event = deps.store.get(Event, message.tenant, message.event_id)
    if event is None:
        return
    now = deps.store.clock()
    webhooks = webhooks or deps.webhooks.for_event(event.tenant, event.event_type)
    wanted = [one for one in webhooks if one.wants(event) and one.created_at <= event.created_at]
    for delivery in _made([delivery_of(one, event, now) for one in wanted], deps.store):
        if delivery.status not in ENDED:
            told = DeliverWebhook(tenant=delivery.tenant, delivery_id=delivery.delivery_id)
            deps.queues.send(told, slot=delivery.slot, not_before=delivery.next_retry_at)


def _made(deliveries: list[Delivery], store: Store) -> list[Delivery]:
    """In one commit; where some are there from an earlier turn, as they stand now."""
    batch = store.batch()
    for delivery in deliveries:
        batch.create(delivery)
    try:
        batch.commit()
    except Changed:
        return [store.create_once(delivery) for delivery in deliveries]
    return deliveries
