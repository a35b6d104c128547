"""Connectors to buckets of the storage emulator, and imports from them through the real stages."""

import io
import json
import wave
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.domain.connectors import Connector
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports import ImportJob, SourceFile
from shared.domain.media import Index, Video
from shared.store.imports import Imports, Wanted
from tests.pipeline.world import World

TENANT, USER, BUCKET = "tnt_imports", "ada", "customer-media"
CANARY = "canary-5e1f"  # part of every secret: found nowhere but sealed

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = _KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def a_key_file(**changes: Any) -> dict[str, Any]:
    """As Google gives it to the owner of a service account."""
    return {
        "type": "service_account",
        "project_id": "customer-project",
        "private_key_id": CANARY,
        "private_key": PEM,
        "client_email": "media@customer-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
        **changes,
    }


def a_sound(seconds: float = 0.25, rate: int = 8000) -> bytes:
    """A small WAV file: media that costs nothing to look at."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes(128 + n % 40 for n in range(int(seconds * rate))))
    return out.getvalue()


@dataclass
class ImportHouse:
    world: World
    index_id: str = ""
    connector_id: str = ""
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        world, now = self.world, self.world.store.clock()
        self.imports = Imports(world.store, world.queues)
        self.index_id, self.connector_id = new_id("index"), new_id("connector")
        times: dict[str, Any] = {"created_at": now, "updated_at": now, "tenant": TENANT, "user_id": USER}
        secret = {"client_email": "media@customer.iam.gserviceaccount.com", "private_key": PEM, "private_key_id": CANARY}
        batch = world.store.batch()
        batch.create(Index(**times, index_id=self.index_id, name="Films"))
        batch.create(
            Connector(
                **times,
                connector_id=self.connector_id,
                name="A bucket",
                provider="gcs",
                place={"bucket": BUCKET, "gcp_project_id": "customer-project"},
                sealed=world.opener.seal(self.connector_id, TENANT, secret),
            )
        )
        batch.commit()
        self.client = world.objects._client
        self.bucket = self.client.create_bucket(BUCKET)

    def put(self, name: str, content: bytes, kind: str = "application/octet-stream") -> None:
        self.bucket.blob(name).upload_from_string(content, content_type=kind)

    def begin(self, **wanted: Any) -> str:
        job_id = wanted.pop("job_id", None) or new_id("import_job")
        self.imports.start(TENANT, job_id, USER, Wanted(self.connector_id, self.index_id, **wanted))
        return job_id

    def job(self, job_id: str) -> ImportJob:
        return self.imports.get(TENANT, job_id)

    def run(self, **wanted: Any) -> ImportJob:
        job_id = self.begin(**wanted)
        self.world.deliver()
        return self.job(job_id)

    def files(self, job_id: str) -> dict[str, SourceFile]:
        store = self.world.store
        return {one.path: one for one in store.stream(SourceFile, store.collection(SourceFile, TENANT, job_id))}

    def videos(self) -> list[Video]:
        store = self.world.store
        return [one for one in store.stream(Video, store.collection(Video, TENANT)) if one.deleted_at is None]

    def events(self) -> list[str]:
        store = self.world.store
        rows = sorted(store.stream(Event, store.collection(Event, TENANT)), key=lambda one: one.created_at)
        return [one.event_type for one in rows if one.event_type.startswith("import_job.")]

    def everything_stored(self) -> str:
        """All documents below the tenant as text."""
        db = self.world.store.db
        found: list[Any] = []

        def walk(reference: Any) -> None:
            for collection in reference.collections():
                for document in collection.stream():
                    found.append([document.reference.path, document.to_dict()])
                    walk(document.reference)

        walk(db.document(f"tenants/{TENANT}"))
        return json.dumps(found, default=str)
