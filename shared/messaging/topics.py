"""Publishing facts by Pub/Sub."""

from functools import cache
from typing import Protocol

from google.cloud import pubsub_v1

from shared.config import Settings
from shared.messaging.messages import EventHappened


class Publisher(Protocol):
    def publish(self, topic: str, data: bytes) -> object: ...


class Topics:
    def __init__(self, publisher: Publisher, project_id: str) -> None:
        self._publisher = publisher
        self._project = project_id

    def publish(self, fact: EventHappened) -> None:
        """Returns once the service has taken it; the row it tells of is already committed."""
        topic = f"projects/{self._project}/topics/{fact.TOPIC}"
        self._publisher.publish(topic, fact.model_dump_json().encode()).result()  # type: ignore[attr-defined]


@cache
def connect(settings: Settings) -> Topics:
    return Topics(pubsub_v1.PublisherClient(), settings.project_id)
