"""A fresh cloud in this process for each seed: engines behind Google's own clients, one clock, no socket and no thread."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.cloud import tasks_v2
from google.protobuf import json_format
from google.pubsub_v1.types import PushConfig, Subscription, Topic

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.pubsub.engine import Engine as PubSubEngine
from emulators.storage.engine import Engine as StorageEngine
from emulators.tasks.engine import Engine as TasksEngine
from emulators.vertex.server import DEFAULT_INDEX
from emulators.vertex.vectors.engine import VectorEngine
from functions.pipeline.deliver_webhook.delivering import Deps as DeliverDeps
from functions.pipeline.deliver_webhook.delivering import deliver_webhook
from functions.pipeline.deliver_webhook.lanes import Lanes
from functions.pipeline.fan_out_webhooks.fanning import Deps as FanDeps
from functions.pipeline.fan_out_webhooks.fanning import fan_out_webhooks
from functions.pipeline.process_segment.deps import Deps as ProcessDeps
from functions.pipeline.process_segment.processing import process_segment
from functions.pipeline.run_turn.turning import LEASE, run_turn
from functions.pipeline.run_turn.turning import Deps as TurnDeps
from functions.pipeline.sequence_events.sequencing import Deps as SequenceDeps
from functions.pipeline.sequence_events.sequencing import sequence_events
from shared.chat.talking import Deps as TalkDeps
from shared.chat.tools import Library
from shared.domain.cursors import Cursors
from shared.inference.models import Models
from shared.messaging.messages import QUEUES, DeliverWebhook, EventHappened, ProcessSegment, RunTurn
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.objects import buckets
from shared.search.text import TextSearch
from shared.store.blobs import StoredBlobs
from shared.store.documents import Store
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos
from shared.store.webhooks import Webhooks
from shared.vectors.index import VectorIndex
from shared.webhooks.posting import Posting
from shared.work.claims import Claims
from shared.work.fan_in import FanIn
from shared.work.stage import Stage
from tests.pipeline import world as pipeline
from tests.pipeline.world import PROJECT, World
from tests.simulation.baton import InlineExecutor
from tests.simulation.carriers import ORIGIN, Respond
from tests.simulation.clients import BEGINNING, WatchedEngine, clients
from tests.simulation.outside import CustomersOpener, Receiver

PARENT = f"projects/{PROJECT}/locations/us-central1"
Kinds = frozenset[str]  # of errands
# The third is the errand without which nobody needs it.
SUBSCRIBERS = (
    ("events", "sequence-events", ""),
    ("media-stored", "ingest-media", ""),
    ("events", "fan-out-webhooks", "webhook"),
)


@dataclass
class Cloud:
    """`world` is what the tests of the pipeline know; beside it, what a simulation looks into."""

    world: World
    firestore: WatchedEngine
    vectors: VectorEngine
    storage: StorageEngine
    receiver: Receiver

    def close(self) -> None:
        self.storage.close()
        self.vectors.close()


def build(folder: Path, faults: Faults, respond: Respond, rng: random.Random, refuses: Callable[[], bool], kinds: Kinds) -> Cloud:
    """`respond` is the model; ids of things a user creates come from `rng`; `refuses` is the receiver of webhooks' mood."""
    _seed_ids(rng)
    made, settings = clients(), pipeline._settings(ORIGIN)
    clock = made.clock
    clock.now = BEGINNING
    tasks, pubsub = TasksEngine(None, clock), PubSubEngine(None, clock)
    storage = StorageEngine(folder, clock, made.identity.public_key_pem, pubsub.announce)
    vectors = VectorEngine([DEFAULT_INDEX])
    made.firestore_engine.reset(and_time=True)
    made.firestore_engine.watch(lambda path, before, after: None)
    for current, target in (
        (made.door, faults),
        (made.tasks_engine, tasks),
        (made.pubsub_engine, pubsub),
        (made.storage_engine, storage),
        (made.vector_engine, vectors),
    ):
        current.lead_to(target)
    made.transport.serve(respond, faults)
    objects = buckets.Objects(made.storage, settings, made.signer)
    store = Store(made.firestore, lambda: datetime.fromtimestamp(clock(), UTC), StoredBlobs(settings, objects))
    _provision(tasks, pubsub, objects, settings, kinds)
    queues, topics = Queues(made.tasks, settings), Topics(made.publisher, PROJECT)
    fan_in = FanIn(store, queues, topics)
    models = Models(settings, lambda _: made.gemini, InlineExecutor)
    index = VectorIndex(made.searching, settings)
    opener = CustomersOpener(pipeline._opener(folder, ORIGIN), made.storage)
    receiver = Receiver(faults, refuses)
    stages = pipeline._stages(store, queues, topics, objects, models, index, fan_in, opener)
    # Each message has an instance of its own: what one instance keeps from itself, two have to settle in the store.
    stages["sequence-events"] = Stage(EventHappened, sequence_events, lambda: SequenceDeps(store))
    processing = ProcessDeps(store, queues, objects, models, index, Claims(store, pipeline.no_heartbeat), fan_in, InlineExecutor)
    stages["process-segment"] = Stage(ProcessSegment, process_segment, lambda: processing)
    stages |= _stages_of_errands(store, queues, models, index, opener, receiver, clock)
    world = World(
        settings,
        clock,
        store,
        objects,
        queues,
        topics,
        fan_in,
        index,
        tasks,
        pubsub,
        None,
        stages,
        opener,
        lambda: None,  # type: ignore[arg-type]
    )
    return Cloud(world, made.firestore_engine, vectors, storage, receiver)


def _stages_of_errands(
    store: Store,
    queues: Queues,
    models: Models,
    index: VectorIndex,
    opener: CustomersOpener,
    receiver: Receiver,
    clock: ManualClock,
) -> dict[str, Stage]:
    fanning = FanDeps(store, queues, Webhooks(store))
    posting = Posting(receiver, opener.sealer)  # type: ignore[arg-type]
    delivering = DeliverDeps(store, queues, Webhooks(store), posting, Lanes(clock))
    pages = Pages(store, Cursors("cursors"))
    tables: Any = None  # what files hold is not asked for here
    library = Library(store, Runs(store, pages), Videos(store, pages), TextSearch(store, index, models), tables, tables)
    talking = TurnDeps(store, Claims(store, pipeline.no_heartbeat, LEASE), TalkDeps(store, models, library, lambda seconds: None))
    return {
        "fan-out-webhooks": Stage(EventHappened, fan_out_webhooks, lambda: fanning),
        "deliver-webhook": Stage(DeliverWebhook, deliver_webhook, lambda: delivering),
        "run-turn": Stage(RunTurn, run_turn, lambda: talking),
    }


def _seed_ids(rng: random.Random) -> None:
    """Random ids become those of the seed, so that a replay writes the same paths."""
    from shared.domain import ids

    ids.secrets = SimpleNamespace(token_bytes=rng.randbytes)  # type: ignore[assignment]


def _provision(tasks: TasksEngine, pubsub: PubSubEngine, objects: buckets.Objects, settings: Any, kinds: Kinds) -> None:
    for topic in ("events", "media-stored"):
        pubsub.create_topic(Topic.pb(Topic(name=f"projects/{PROJECT}/topics/{topic}")))
    for topic, function, kind in SUBSCRIBERS:
        if kind and kind not in kinds:
            continue
        name = f"projects/{PROJECT}/topics/{topic}"
        push = PushConfig(push_endpoint=f"http://stages/{function}")
        named = f"projects/{PROJECT}/subscriptions/{function}"
        subscription = Subscription(name=named, topic=name, push_config=push, ack_deadline_seconds=600)
        pubsub.create_subscription(Subscription.pb(subscription))
    message = type(tasks_v2.Queue.pb(tasks_v2.Queue()))
    for names in QUEUES.values():
        for name in names:
            asked = {
                "name": f"{PARENT}/queues/{name}",
                "retryConfig": {"maxAttempts": -1, "minBackoff": "1s", "maxBackoff": "60s"},
            }
            tasks.create_queue(PARENT, json_format.ParseDict(asked, message()))
    for name in (settings.originals_bucket, settings.derived_bucket):
        objects._client.create_bucket(name)
    objects._client.bucket(settings.originals_bucket).notification(
        topic_name="media-stored", topic_project=PROJECT, event_types=["OBJECT_FINALIZE"], blob_name_prefix="media/"
    ).create()


def status_of(cloud: Cloud, run: Any) -> str:
    """As the store holds it, read beside the client; empty when the run is gone."""
    database = f"projects/{PROJECT}/databases/(default)"
    name = f"{database}/documents/tenants/{run.tenant}/runs/{run.run_id}"
    for _, found in cloud.firestore.get_documents(database, [name], b""):
        return str(found.fields["status"].string_value) if found is not None else ""
    return ""
