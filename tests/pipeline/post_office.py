"""Webhooks on engines in this process: real stages, real receivers on this machine, workers that die when told.

The clock stands still until messages are carried; hours between two attempts pass in an instant.
"""

import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.pubsub.engine import Engine as PubSubEngine
from emulators.pubsub.inprocess import publisher, subscriber
from emulators.tasks.engine import Engine as TasksEngine
from emulators.tasks.inprocess import client as tasks_client
from functions.pipeline.deliver_webhook.delivering import Deps as DeliverDeps
from functions.pipeline.deliver_webhook.delivering import deliver_webhook
from functions.pipeline.deliver_webhook.lanes import Lanes
from functions.pipeline.fan_out_webhooks.fanning import Deps as FanDeps
from functions.pipeline.fan_out_webhooks.fanning import fan_out_webhooks
from functions.pipeline.sequence_events.sequencing import Deps as SequenceDeps
from functions.pipeline.sequence_events.sequencing import sequence_events
from functions.pipeline.tick.sweeping import Deps as TickDeps
from functions.pipeline.tick.sweeping import tick
from shared.config import Settings
from shared.domain.events import EventType, MediaPayload
from shared.domain.ids import new_id
from shared.domain.webhooks import Delivery, Webhook
from shared.egress.client import Egress
from shared.egress.dialing import Dialer
from shared.messaging.messages import DeliverWebhook, EventHappened, Tick
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.secrets import FileKey, Sealer
from shared.store import events as rows
from shared.store.blobs import StoredBlobs
from shared.store.documents import Store
from shared.store.webhooks import Webhooks
from shared.webhooks.posting import Posting
from shared.webhooks.signing import new_secret
from shared.work.stage import Stage

PROJECT = "videovector-test"
TENANT = "tnt_a"
INDEXES = Path(__file__).parents[2] / "infra" / "firestore.indexes.json"


class Killed(BaseException):
    """The worker is gone: no code of it runs any more."""


class MortalPosting(Posting):
    """Counts the attempts that begin; `before` and `after` may kill the worker around the sending."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.begun: list[str] = []
        self.before: Callable[[str], None] = lambda attempt_id: None
        self.after: Callable[[str], None] = lambda attempt_id: None

    def post(self, webhook: Webhook, payload: Any, *, attempt_id: str, **named: Any) -> Any:
        self.begun.append(attempt_id)
        self.before(attempt_id)
        outcome = super().post(webhook, payload, attempt_id=attempt_id, **named)
        self.after(attempt_id)
        return outcome


class PostOffice:
    def __init__(
        self, folder: Path, dialer: Dialer | None = None, *, seconds: float = 1.0, faults: Faults | None = None, hands: int = 1
    ) -> None:
        self._hands = ThreadPoolExecutor(hands) if hands > 1 else None
        self.clock, self.faults = ManualClock(1_780_000_000.0), faults or Faults()
        self.tasks, self.pubsub = TasksEngine(None, self.clock), PubSubEngine(None, self.clock)
        settings = Settings(project_id=PROJECT)
        self.store = Store(
            firestore_client(FirestoreEngine(None, self.clock, INDEXES), PROJECT, faults=self.faults),
            lambda: datetime.fromtimestamp(self.clock(), UTC),
            StoredBlobs(settings),
        )
        key = folder / "sealing.key"
        key.write_text(base64.b64encode(os.urandom(32)).decode())
        self.sealer = Sealer(FileKey(key))
        self.egress = Egress(dialer or Dialer(loopback=True))
        self.posting = MortalPosting(self.egress, self.sealer, seconds=seconds)
        self.queues, self.webhooks = Queues(tasks_client(self.tasks, self.faults), settings), Webhooks(self.store)
        self.topics = Topics(publisher(self.pubsub, self.faults), PROJECT)
        self.lanes = Lanes()
        self._provision(settings)
        deps = DeliverDeps(self.store, self.queues, self.webhooks, self.posting, self.lanes)
        numbering = SequenceDeps(self.store)
        fanning, sweeping = FanDeps(self.store, self.queues, self.webhooks), TickDeps(self.store, self.queues, self.topics)
        self.stages: dict[str, Stage] = {
            "fan-out-webhooks": Stage(EventHappened, fan_out_webhooks, lambda: fanning),
            "deliver-webhook": Stage(DeliverWebhook, deliver_webhook, lambda: deps),
            "sequence-events": Stage(EventHappened, sequence_events, lambda: numbering),
            "tick": Stage(Tick, tick, lambda: sweeping),
        }

    def _provision(self, settings: Settings) -> None:
        topic = f"projects/{PROJECT}/topics/events"
        publisher(self.pubsub).create_topic(name=topic)
        for stage in ("fan-out-webhooks", "sequence-events"):
            subscriber(self.pubsub).create_subscription(
                name=f"projects/{PROJECT}/subscriptions/{stage}",
                topic=topic,
                push_config={"push_endpoint": f"http://stages/{stage}"},
                ack_deadline_seconds=60,
            )
        parent = f"projects/{PROJECT}/locations/{settings.region}"
        retry = {"max_attempts": -1, "min_backoff": {"seconds": 1}, "max_backoff": {"seconds": 60}}
        tasks_client(self.tasks).create_queue(
            parent=parent, queue={"name": f"{parent}/queues/deliver-webhook", "retry_config": retry}
        )

    def webhook(self, url: str, *, tenant: str = TENANT, **fields: Any) -> Webhook:
        """One that wants every event, unless told otherwise."""
        now = self.store.clock()
        events = fields.pop("events", [event.value for event in EventType])
        webhook = Webhook(
            created_at=now, updated_at=now, tenant=tenant, webhook_id=new_id("webhook"), user_id="ada", name="x", url=url,
            events=events, **fields,
        )  # fmt: skip
        webhook.secret = self.sealer.seal(new_secret().encode(), webhook.sealed_in())
        return self.store.create_once(webhook)

    def secret(self, webhook: Webhook) -> str:
        return self.sealer.open(webhook.secret, webhook.sealed_in()).decode()

    def event(self, number: int = 1, *, tenant: str = TENANT, index_id: str = "", publish: bool = True) -> str:
        """Writes one and publishes it; gives its id."""
        batch = self.store.batch()
        payload = MediaPayload(video_id="vid_a", media_type="video", title=f"film {number}")
        ids = {"tenant": tenant, "user_id": "ada", "resource_id": "vid_a", "video_id": "vid_a", "index_id": index_id}
        fact = rows.record(self.store, batch, EventType.MEDIA_CREATED, payload, occurrence=number, **ids)
        batch.commit()
        if publish:
            self.topics.publish(fact)
        self.clock.advance(0.001)
        return fact.event_id

    def deliver(self, *, horizon: float = 60.0, limit: int = 200_000) -> int:
        """Carries messages until nothing is due within `horizon` seconds, moving the clock as far as needed."""
        carried, end = 0, self.clock() + horizon
        while carried < limit:
            moved = self.deliver_due()
            carried += moved
            if moved:
                continue
            times = [at for engine in (self.tasks, self.pubsub) if (at := engine.next_due_at()) is not None]
            if not times or min(times) > end:
                return carried
            self.clock.advance(max(0.001, min(times) - self.clock()))
        raise AssertionError(f"still busy after {limit} messages")

    def deliver_due(self) -> int:
        """What is due now; by several hands at a time if the office has them."""
        carried = 0
        for engine in (self.tasks, self.pubsub):
            due = engine.due(self.clock())
            if self._hands is None:
                for message in due:
                    self.clock.advance(0.001)
                    self._carry(engine, message)
            else:
                self.clock.advance(0.1)  # the queue's own rate gives out so many that the hands need not wait for one another
                list(self._hands.map(partial(self._carry, engine), due))
            carried += len(due)
        return carried

    def _carry(self, engine: Any, message: Any) -> None:
        try:
            answer = self.stages[urlsplit(message.url).path.strip("/")].receive(message.body)
        except Killed:
            engine.failed(message.id, 503, None)
            return
        if engine.accepts(answer.status):
            engine.succeeded(message.id, answer.status)
        else:
            engine.failed(message.id, answer.status, answer.retry_after)

    def tick(self) -> None:
        assert self.stages["tick"].receive(b"{}").status == 200

    def deliveries(self, tenant: str = TENANT) -> list[Delivery]:
        return list(self.store.stream(Delivery, self.store.collection(Delivery, tenant)))

    def now(self, webhook: Webhook) -> Webhook:
        found = self.store.get(Webhook, webhook.tenant, webhook.webhook_id)
        assert found is not None
        return found
