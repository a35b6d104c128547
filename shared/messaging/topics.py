"""Publishing facts by Pub/Sub."""

from functools import cache

from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient, PubsubMessage

from shared import tracing
from shared.config import Settings
from shared.messaging.messages import EventHappened, traced


class Topics:
    """Publishes one by one and at once: an instance may be frozen as soon as it has answered, so nothing may wait in a batch."""

    def __init__(self, publisher: PublisherClient, project_id: str) -> None:
        self._publisher = publisher
        self._project = project_id

    def publish(self, fact: EventHappened) -> None:
        """Returns once the service has taken it; the row it tells of is already committed."""
        message = PubsubMessage(data=traced(fact).model_dump_json().encode(), attributes=fact.attributes())
        topic = f"projects/{self._project}/topics/{fact.TOPIC}"
        with tracing.span("pubsub.publish", topic=fact.TOPIC):
            PublisherClient.publish(self._publisher, topic=topic, messages=[message])


@cache
def connect(settings: Settings) -> Topics:
    """The batching client is the one that knows the emulator's variable; only its connection is used."""
    return Topics(pubsub_v1.PublisherClient(), settings.project_id)
