"""The whole pipeline on engines in this process: real stages, Google's clients, a clock that stands still until it is moved.

Messages go out when the test says so, in the order the engines hold them; nothing happens behind a test's back.
"""

import base64
import json
import os
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.api_core.exceptions import AlreadyExists

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.identity.engine import Engine as IdentityEngine
from emulators.pubsub.engine import Engine as PubSubEngine
from emulators.pubsub.inprocess import publisher, subscriber
from emulators.storage.engine import Engine as StorageEngine
from emulators.storage.server import Server as StorageServer
from emulators.tasks.engine import Engine as TasksEngine
from emulators.tasks.inprocess import client as tasks_client
from functions.pipeline.build_export.exporting import Deps as ExportDeps
from functions.pipeline.build_export.exporting import build_export
from functions.pipeline.build_tables.building import Deps as TablesDeps
from functions.pipeline.build_tables.building import build_tables
from functions.pipeline.count_usage.counting import Deps as UsageDeps
from functions.pipeline.count_usage.counting import count_usage
from functions.pipeline.cut_segments.cutting import Deps as CutDeps
from functions.pipeline.cut_segments.cutting import cut_segments
from functions.pipeline.import_file.importing import Deps as ImportDeps
from functions.pipeline.import_file.importing import import_file
from functions.pipeline.ingest_media.ingesting import Deps as IngestDeps
from functions.pipeline.ingest_media.ingesting import ingest_media
from functions.pipeline.plan_run.planning import Deps as PlanDeps
from functions.pipeline.plan_run.planning import plan_run
from functions.pipeline.process_segment.deps import Deps as ProcessDeps
from functions.pipeline.process_segment.processing import process_segment
from functions.pipeline.purge.purging import Deps as PurgeDeps
from functions.pipeline.purge.purging import purge
from functions.pipeline.react_automations.reacting import Deps as ReactDeps
from functions.pipeline.react_automations.reacting import react_automations
from functions.pipeline.run_automation.automating import Deps as AutomationDeps
from functions.pipeline.run_automation.automating import run_automation
from functions.pipeline.scan_import.scanning import Deps as ScanDeps
from functions.pipeline.scan_import.scanning import scan_import
from functions.pipeline.sequence_events.sequencing import Deps as SequenceDeps
from functions.pipeline.sequence_events.sequencing import sequence_events
from functions.pipeline.settle_run.settling import Deps as SettleDeps
from functions.pipeline.settle_run.settling import settle_run
from functions.pipeline.synthesize_video.synthesis import Deps as SynthesisDeps
from functions.pipeline.synthesize_video.synthesis import synthesize_video
from functions.pipeline.tick.sweeping import Deps as TickDeps
from functions.pipeline.tick.sweeping import tick
from shared.config import Settings
from shared.connectors.opening import Opener
from shared.egress.client import Egress
from shared.egress.dialing import Dialer
from shared.inference.models import Models
from shared.messaging.messages import (
    QUEUES,
    BuildExport,
    BuildTables,
    CutSegments,
    EventHappened,
    ImportFile,
    MediaStored,
    PlanRun,
    ProcessSegment,
    Purge,
    RunAutomation,
    ScanImport,
    SettleRun,
    SynthesizeVideo,
    Tick,
)
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.objects import buckets
from shared.secrets import FileKey, Sealer
from shared.store.automations import Automations
from shared.store.blobs import StoredBlobs
from shared.store.documents import Store
from shared.store.imports import Imports
from shared.store.usage import Usage
from shared.vectors.index import VectorIndex
from shared.work.claims import Claims
from shared.work.fan_in import FanIn
from shared.work.stage import Stage
from tests.pipeline.doors import GuardedModels, GuardedSession

PROJECT = "videovector-test"
ACCOUNT = f"stages@{PROJECT}.iam.gserviceaccount.com"
INDEXES = Path(__file__).parents[2] / "infra" / "firestore.indexes.json"
LOOPBACK = Egress(Dialer(loopback=True))  # to what tests serve on this machine


@contextmanager
def no_heartbeat(beat: Callable[[], None]) -> Any:
    yield


@dataclass
class World:
    settings: Settings
    clock: ManualClock
    store: Store
    objects: buckets.Objects
    queues: Queues
    topics: Topics
    fan_in: FanIn
    vectors: VectorIndex
    tasks: TasksEngine
    pubsub: PubSubEngine
    storage: StorageServer
    stages: dict[str, Stage]
    opener: Opener
    close: Callable[[], None]
    before: dict[str, Callable[[], None]] = field(default_factory=dict)  # by stage: runs once before its next message

    def deliver(self, *, horizon: float = 600.0, limit: int = 2_000) -> int:
        """Carries messages until nothing is due within `horizon` seconds, moving the clock as far as needed."""
        carried = 0
        end = self.clock() + horizon
        while carried < limit:
            moved = self.deliver_due()
            carried += moved
            if moved:
                continue
            next_times = [at for engine in (self.tasks, self.pubsub) if (at := engine.next_due_at()) is not None]
            if not next_times or min(next_times) > end:
                return carried
            self.clock.advance(max(0.001, min(next_times) - self.clock()))
        raise AssertionError(f"still busy after {limit} messages")

    def deliver_due(self) -> int:
        """Carries what is due now; what that gives rise to waits."""
        carried = 0
        for engine in (self.tasks, self.pubsub):
            for delivery in engine.due(self.clock()):
                name = urlsplit(delivery.url).path.strip("/")
                hook = self.before.pop(name, None)
                if hook is not None:
                    hook()
                self.clock.advance(0.001)  # no two messages are worked on at the very same moment
                answer = self.stages[name].receive(delivery.body)
                if engine.accepts(answer.status):
                    engine.succeeded(delivery.id, answer.status)
                else:
                    engine.failed(delivery.id, answer.status, answer.retry_after)
                carried += 1
        return carried

    def lose(self, *stages: str) -> int:
        """Whatever is on its way to these stages never arrives; says how many messages that were."""
        lost = 0
        for stage in stages:
            for queue in QUEUES.get(stage, []):
                name = f"projects/{PROJECT}/locations/us-central1/queues/{queue}"
                lost += len(self.tasks.list_tasks(name)[0])
                self.tasks.purge_queue(name)
        for delivery in self.pubsub.due(self.clock()):
            if urlsplit(delivery.url).path.strip("/") in stages:
                self.pubsub.succeeded(delivery.id)
                lost += 1
            else:
                self.pubsub.failed(delivery.id)
        return lost

    def tick(self) -> None:
        assert self.stages["tick"].receive(b"{}").status == 200


def build(folder: Path, gemini_url: str, vector_url: str, faults: Faults | None = None) -> World:
    """A fresh world; its project's vectors share the server with other worlds but never its tenants.

    Every call that leaves a stage goes through `faults`, be it to an engine here or to a server on the wire.
    """
    clock, faults = ManualClock(1_780_000_000.0), faults or Faults()
    identity = IdentityEngine(None, clock)
    key_file = folder / "service-account.json"
    identity.service_account_file(key_file, "http://127.0.0.1:9/token", ACCOUNT, PROJECT)
    tasks, pubsub = TasksEngine(None, clock), PubSubEngine(None, clock)
    storage_engine = StorageEngine(folder, clock, identity.public_key_pem, pubsub.announce)
    storage = StorageServer(storage_engine, Faults(), 0)
    settings = _settings(vector_url)
    objects = _objects(settings, storage, key_file, faults)
    store = Store(
        firestore_client(FirestoreEngine(None, clock, INDEXES), PROJECT, faults=faults),
        lambda: datetime.fromtimestamp(clock(), UTC),
        StoredBlobs(settings, objects),
    )
    _provision(pubsub, tasks, objects)
    queues = Queues(tasks_client(tasks, faults), settings)
    topics = Topics(publisher(pubsub, faults), PROJECT)
    fan_in = FanIn(store, queues, topics)
    models = Models(settings, lambda _: GuardedModels(_gemini_client(gemini_url), faults))
    vectors = VectorIndex(GuardedSession("vectors", faults), settings)
    opener = _opener(folder, storage.url)
    stages = _stages(store, queues, topics, objects, models, vectors, fan_in, opener)

    def close() -> None:
        storage.stop()
        storage_engine.close()

    return World(settings, clock, store, objects, queues, topics, fan_in, vectors, tasks, pubsub, storage, stages, opener, close)


def _settings(vector_url: str) -> Settings:
    return Settings(
        project_id=PROJECT,
        originals_bucket="originals",
        derived_bucket="derived",
        vector_index=f"projects/{PROJECT}/locations/us-central1/indexes/videovector",
        vector_endpoint=f"projects/{PROJECT}/locations/us-central1/indexEndpoints/videovector#videovector",
        vector_api_endpoint=vector_url,
        cursor_key="cursors",
        api_key_pepper="pepper",
    )


def _opener(folder: Path, storage_url: str) -> Opener:
    """Connectors to Cloud Storage lead to the same emulator as the product's own buckets."""
    key = folder / "sealing.key"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    settings = Settings(project_id=PROJECT, kms_key=key.as_uri(), storage_emulator_host=storage_url)
    return Opener(settings, Sealer(FileKey(key)))


def _objects(settings: Settings, storage: StorageServer, key_file: Path, faults: Faults) -> buckets.Objects:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage as gcs
    from google.oauth2 import service_account

    client = gcs.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": storage.url},
        _http=GuardedSession("storage", faults),
    )
    for name in (settings.originals_bucket, settings.derived_bucket):
        client.create_bucket(name)
    signer = service_account.Credentials.from_service_account_info(json.loads(key_file.read_text()))
    objects = buckets.Objects(client, settings, signer)
    notification = client.bucket(settings.originals_bucket).notification(
        topic_name="media-stored", topic_project=PROJECT, event_types=["OBJECT_FINALIZE"], blob_name_prefix="media/"
    )
    notification.create()
    return objects


def _provision(pubsub: PubSubEngine, tasks: TasksEngine, objects: buckets.Objects) -> None:
    topics, subscriptions = publisher(pubsub), subscriber(pubsub)
    for topic, function in (("events", "sequence-events"), ("events", "react-automations"), ("media-stored", "ingest-media")):
        name = f"projects/{PROJECT}/topics/{topic}"
        with suppress(AlreadyExists):
            topics.create_topic(name=name)
        subscriptions.create_subscription(
            name=f"projects/{PROJECT}/subscriptions/{function}",
            topic=name,
            push_config={"push_endpoint": f"http://stages/{function}"},
            ack_deadline_seconds=60,
        )
    client = tasks_client(tasks)
    parent = f"projects/{PROJECT}/locations/us-central1"
    for names in QUEUES.values():
        for name in names:
            client.create_queue(
                parent=parent,
                queue={
                    "name": f"{parent}/queues/{name}",
                    "retry_config": {"max_attempts": -1, "min_backoff": {"seconds": 1}, "max_backoff": {"seconds": 60}},
                },
            )


def _gemini_client(url: str) -> Any:
    from google import genai
    from google.genai import types
    from google.oauth2.credentials import Credentials

    return genai.Client(
        vertexai=True,
        project=PROJECT,
        location="us-central1",
        credentials=Credentials(token="test"),
        http_options=types.HttpOptions(base_url=url, timeout=20_000),
    )


def _stages(
    store: Store,
    queues: Queues,
    topics: Topics,
    objects: buckets.Objects,
    models: Models,
    vectors: VectorIndex,
    fan_in: FanIn,
    opener: Opener,
) -> dict[str, Stage]:
    claims = Claims(store, no_heartbeat)
    made: dict[str, tuple[Any, Any, Any]] = {
        "plan-run": (PlanRun, plan_run, PlanDeps(store, queues, topics, claims)),
        "cut-segments": (CutSegments, cut_segments, CutDeps(store, queues, topics, objects, claims, fan_in)),
        "process-segment": (
            ProcessSegment,
            process_segment,
            ProcessDeps(store, queues, objects, models, vectors, claims, fan_in),
        ),
        "synthesize-video": (
            SynthesizeVideo,
            synthesize_video,
            SynthesisDeps(store, topics, objects, models, vectors, claims, fan_in),
        ),
        "settle-run": (SettleRun, settle_run, SettleDeps(store, queues, topics, fan_in)),
        "build-tables": (BuildTables, build_tables, TablesDeps(store, queues, objects, claims)),
        "build-export": (BuildExport, build_export, ExportDeps(store, topics, objects, opener, claims)),
        "run-automation": (
            RunAutomation,
            run_automation,
            AutomationDeps(store, queues, Automations(store, queues), Imports(store, queues), opener, claims),
        ),
        "react-automations": (EventHappened, react_automations, ReactDeps(store, Automations(store, queues))),
        "scan-import": (ScanImport, scan_import, ScanDeps(store, queues, topics, claims, opener)),
        "import-file": (ImportFile, import_file, ImportDeps(store, queues, topics, objects, claims, opener, LOOPBACK)),
        "sequence-events": (EventHappened, sequence_events, SequenceDeps(store)),
        "count-usage": (EventHappened, count_usage, UsageDeps(store, Usage(store))),
        "ingest-media": (MediaStored, ingest_media, IngestDeps(store, topics, objects)),
        "purge": (Purge, purge, PurgeDeps(store, queues, objects, vectors, claims)),
        "tick": (Tick, tick, TickDeps(store, queues, topics)),
    }
    return {name: Stage(message, work, lambda deps=deps: deps) for name, (message, work, deps) in made.items()}
