"""What the bucket tells: its notifications leave by a thread of the storage service, so tests wait for them here."""

import threading
import time

from tests.pipeline.world import PROJECT, World

SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/ingest-media"


def ingested(world: World, *, messages: int = 1) -> None:
    """Returns once as many notifications as that wait for `ingest-media`."""
    told = threading.Event()
    world.pubsub.on_change(told.set)
    deadline = time.monotonic() + 10
    while world.pubsub.backlog(SUBSCRIPTION) < messages:
        assert told.wait(deadline - time.monotonic()), "the bucket said nothing"
        told.clear()
