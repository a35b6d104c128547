"""A fresh cloud in this process for each seed: engines behind Google's own clients, one clock, no socket and no thread."""

import asyncio
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as gcs
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
from google.protobuf import json_format
from starlette.applications import Starlette

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.identity.engine import Engine as IdentityEngine
from emulators.pubsub.engine import Engine as PubSubEngine
from emulators.pubsub.inprocess import publisher, subscriber
from emulators.storage.engine import Engine as StorageEngine
from emulators.storage.wire import Wire as StorageWire
from emulators.tasks.engine import Engine as TasksEngine
from emulators.tasks.inprocess import client as tasks_client
from emulators.vertex.answers import REFUSALS
from emulators.vertex.server import DEFAULT_INDEX
from emulators.vertex.vectors.engine import VectorEngine
from emulators.vertex.vectors.wire import routes as vector_routes
from functions.pipeline.sequence_events.sequencing import Deps as SequenceDeps
from functions.pipeline.sequence_events.sequencing import sequence_events
from shared.inference.models import Models
from shared.messaging.messages import QUEUES, EventHappened
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.objects import buckets
from shared.store.blobs import StoredBlobs
from shared.store.documents import Store
from shared.vectors.index import VectorIndex
from shared.work.fan_in import FanIn
from shared.work.stage import Stage
from tests.pipeline import world as pipeline
from tests.pipeline.world import ACCOUNT, INDEXES, PROJECT, World
from tests.simulation.carriers import ORIGIN, ModelTransport, Respond, session

BEGINNING = 1_780_000_020.0  # a whole minute
PARENT = f"projects/{PROJECT}/locations/us-central1"
SUBSCRIBERS = (("events", "sequence-events"), ("media-stored", "ingest-media"))


@dataclass
class Cloud:
    """`world` is what the tests of the pipeline know; beside it, what a simulation looks into."""

    world: World
    firestore: FirestoreEngine
    vectors: VectorEngine
    storage: StorageEngine

    def close(self) -> None:
        self.storage.close()
        self.vectors.close()
        self.firestore.close()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _signer() -> tuple[str, Any]:
    """One key pair for all seeds: making one takes longer than playing a seed."""
    identity = IdentityEngine(None, ManualClock(BEGINNING))
    folder = Path(_scratch())
    key_file = folder / "service-account.json"
    identity.service_account_file(key_file, f"{ORIGIN}/token", ACCOUNT, PROJECT)
    signer = service_account.Credentials.from_service_account_info(json.loads(key_file.read_text()))  # type: ignore[no-untyped-call]
    return str(key_file), (identity, signer)


@cache
def _scratch() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="simulation-")


def build(folder: Path, faults: Faults, respond: Respond, rng: random.Random) -> Cloud:
    """`respond` is the model; ids of things a user creates come from `rng`."""
    _seed_ids(rng)
    clock = ManualClock(BEGINNING)
    _, (identity, signer) = _signer()
    tasks, pubsub = TasksEngine(None, clock), PubSubEngine(None, clock)
    firestore = FirestoreEngine(None, clock, INDEXES)
    storage = StorageEngine(folder, clock, identity.public_key_pem, pubsub.announce)
    vectors = VectorEngine([DEFAULT_INDEX])
    settings = pipeline._settings(ORIGIN)
    storage_client = gcs.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": ORIGIN},
        _http=session("storage", StorageWire(storage, Faults()), faults, _loop()),
    )
    objects = buckets.Objects(storage_client, settings, signer)
    store = Store(
        firestore_client(firestore, PROJECT, faults=faults),
        lambda: datetime.fromtimestamp(clock(), UTC),
        StoredBlobs(settings, objects),
    )
    _provision(tasks, pubsub, objects, settings)
    queues = Queues(tasks_client(tasks, faults), settings)
    topics = Topics(publisher(pubsub, faults), PROJECT)
    fan_in = FanIn(store, queues, topics)
    models = Models(settings, lambda _: _model(respond, faults))
    search_app = Starlette(routes=vector_routes(vectors, Faults(), lambda: ORIGIN), exception_handlers=REFUSALS)
    index = VectorIndex(session("vectors", search_app, faults, _loop()), settings)
    opener = pipeline._opener(folder, ORIGIN)
    stages = pipeline._stages(store, queues, topics, objects, models, index, fan_in, opener)
    # Each message has an instance of its own: what one instance keeps from itself, two have to settle in the store.
    stages["sequence-events"] = Stage(EventHappened, sequence_events, lambda: SequenceDeps(store))
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
    return Cloud(world, firestore, vectors, storage)


def _seed_ids(rng: random.Random) -> None:
    """Random ids become those of the seed, so that a replay writes the same paths."""
    from shared.domain import ids

    ids.secrets = SimpleNamespace(token_bytes=rng.randbytes)  # type: ignore[assignment]


@cache
def _gemini() -> tuple[Any, ModelTransport]:
    """Google's client of the models, once: making one reads all certificates of the machine."""
    from google import genai
    from google.genai import types

    transport = ModelTransport()
    options = types.HttpOptions(base_url=ORIGIN, timeout=20_000, httpx_client=httpx.Client(transport=transport))
    credentials = Credentials(token="test")  # type: ignore[no-untyped-call]
    client = genai.Client(vertexai=True, project=PROJECT, location="us-central1", credentials=credentials, http_options=options)
    return client, transport


def _model(respond: Respond, faults: Faults) -> Any:
    client, transport = _gemini()
    transport.serve(respond, faults)
    return client


def _provision(tasks: TasksEngine, pubsub: PubSubEngine, objects: buckets.Objects, settings: Any) -> None:
    from google.cloud import tasks_v2

    topics, subscriptions = publisher(pubsub), subscriber(pubsub)
    for topic, function in SUBSCRIBERS:
        name = f"projects/{PROJECT}/topics/{topic}"
        topics.create_topic(name=name)
        subscriptions.create_subscription(
            name=f"projects/{PROJECT}/subscriptions/{function}",
            topic=name,
            push_config={"push_endpoint": f"http://stages/{function}"},
            ack_deadline_seconds=600,
        )
    kind = type(tasks_v2.Queue.pb(tasks_v2.Queue()))
    for names in QUEUES.values():
        for name in names:
            asked = {
                "name": f"{PARENT}/queues/{name}",
                "retryConfig": {"maxAttempts": -1, "minBackoff": "1s", "maxBackoff": "60s"},
            }
            tasks.create_queue(PARENT, json_format.ParseDict(asked, kind()))
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
