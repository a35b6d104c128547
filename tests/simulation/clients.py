"""Google's clients, made once for all seeds, on whatever engines the seed that is being played has.

Making them takes longer than playing a small seed: each wraps all methods of its service, and one reads the certificates.
"""

import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, tasks_v2
from google.cloud import storage as gcs
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
from google.pubsub_v1 import PublisherClient
from starlette.applications import Starlette

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.firestore.engine import Committed
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.identity.engine import Engine as IdentityEngine
from emulators.pubsub.inprocess import publisher
from emulators.storage.wire import Wire as StorageWire
from emulators.tasks.inprocess import client as tasks_client
from emulators.vertex.answers import REFUSALS
from emulators.vertex.vectors.wire import routes as vector_routes
from tests.pipeline.world import ACCOUNT, INDEXES, PROJECT
from tests.simulation.carriers import ORIGIN, ModelTransport, session

BEGINNING = 1_780_000_020.0  # a whole minute


class Current:
    """Stands for the engine, or the door, of the seed that is being played."""

    def __init__(self) -> None:
        self.lead_to(None)

    def lead_to(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


Written = Callable[[str, Any, Any], None]


class WatchedEngine(FirestoreEngine):
    """Tells of each document that a commit changed: its path, and its fields before and after (None: not there)."""

    def watch(self, told: Written) -> None:
        self._told = told

    def commit(self, database: str, requested: Iterable[Any], number: bytes = b"") -> Committed:
        requested = list(requested)
        names = [one.delete or one.update.name for one in requested]
        before = self.get_documents(database, names)
        done = super().commit(database, requested, number)
        for (name, old), (_, new) in zip(before, self.get_documents(database, names), strict=True):
            self._told(name.partition("/documents/")[2], old and old.fields, new and new.fields)
        return done


@dataclass
class Clients:
    """`firestore_engine` is one for all seeds too, emptied for each: what it knows of indexes holds no data."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(BEGINNING))
    door: Any = field(default_factory=Current)
    tasks_engine: Any = field(default_factory=Current)
    pubsub_engine: Any = field(default_factory=Current)
    storage_engine: Any = field(default_factory=Current)
    vector_engine: Any = field(default_factory=Current)
    transport: ModelTransport = field(default_factory=ModelTransport)

    def __post_init__(self) -> None:
        self.firestore_engine = WatchedEngine(None, self.clock, INDEXES)
        self.firestore: firestore.Client = firestore_client(self.firestore_engine, PROJECT, faults=self.door)
        self.tasks: tasks_v2.CloudTasksClient = tasks_client(self.tasks_engine, self.door)
        self.publisher: PublisherClient = publisher(self.pubsub_engine, self.door)
        self.identity = IdentityEngine(None, ManualClock(BEGINNING))
        self.signer = self._signer()
        self.storage = gcs.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": ORIGIN},
            _http=self._session("storage", StorageWire(self.storage_engine, Faults())),
        )
        searching = Starlette(routes=vector_routes(self.vector_engine, Faults(), lambda: ORIGIN), exception_handlers=REFUSALS)
        self.searching = self._session("vectors", searching)
        self.gemini = self._gemini()

    def _session(self, service: str, app: Any) -> requests.Session:
        return session(service, app, self.door)

    def _signer(self) -> Any:
        """One key pair for all seeds."""
        with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
            key_file = Path(folder) / "service-account.json"
            self.identity.service_account_file(key_file, f"{ORIGIN}/token", ACCOUNT, PROJECT)
            return service_account.Credentials.from_service_account_info(json.loads(key_file.read_text()))  # type: ignore[no-untyped-call]

    def _gemini(self) -> Any:
        from google import genai
        from google.genai import types

        options = types.HttpOptions(base_url=ORIGIN, timeout=20_000, httpx_client=httpx.Client(transport=self.transport))
        credentials = Credentials(token="test")  # type: ignore[no-untyped-call]
        return genai.Client(vertexai=True, project=PROJECT, location="us-central1", credentials=credentials, http_options=options)


@cache
def clients() -> Clients:
    return Clients()
