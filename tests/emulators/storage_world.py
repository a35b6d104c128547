"""A storage service with its issuer, and Google's client pointed at it with a real service account's credentials."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.api_core.client_options import ClientOptions
from google.cloud import storage
from google.oauth2 import service_account

from emulators.clock import Clock, MovableClock
from emulators.faults import Faults
from emulators.identity import engine as identity
from emulators.identity import server as identity_server
from emulators.storage import server
from emulators.storage.engine import Engine

EMAIL = "media@demo.iam.gserviceaccount.com"
BUCKET = "originals"


@dataclass
class Topic:
    """Where events go; refuses them while `down`."""

    messages: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    down: bool = False
    arrived: threading.Event = field(default_factory=threading.Event)

    def publish(self, topic: str, data: bytes, attributes: dict[str, str]) -> None:
        if self.down:
            raise ConnectionError("the topic is down")
        self.messages.append((topic, data, attributes))
        self.arrived.set()


@dataclass
class World:
    """What a storage test needs."""

    url: str
    engine: Engine
    client: storage.Client
    bucket: storage.Bucket
    clock: MovableClock
    faults: Faults
    topic: Topic


@contextmanager
def a_world(data_dir: Path | None = None) -> Iterator[World]:
    """Serves everything and makes one empty bucket."""
    clock, faults, topic = MovableClock(), Faults(), Topic()
    issuer = identity.Engine(None, clock)
    engine = Engine(data_dir, clock, issuer.public_key_pem, topic.publish)
    running, tokens = server.serve(engine, faults), identity_server.serve(issuer, faults)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("STORAGE_EMULATOR_HOST", running.url)
        account = Path(folder) / "account.json"
        issuer.service_account_file(account, f"{tokens.url}/token", EMAIL, "demo-project")
        credentials = service_account.Credentials.from_service_account_file(str(account))
        options = ClientOptions(api_endpoint=running.url)
        client = storage.Client(project="demo-project", credentials=credentials, client_options=options)
        bucket = client.create_bucket(BUCKET)
        yield World(running.url, engine, client, bucket, clock, faults, topic)
        client.close()
    running.stop()
    tokens.stop()
    engine.close()


def a_quiet_engine(data_dir: Path | None, clock: Clock, topic: Topic | None = None) -> Engine:
    """An engine without a server that knows no signer."""
    return Engine(data_dir, clock, lambda email: None, (topic or Topic()).publish)
