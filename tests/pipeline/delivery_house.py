"""One user's tenant with runs planted as the test likes, and the families that export and automate in front of the stages."""

import json
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from emulators.identity.engine import Engine as IdentityEngine
from functions.api.automations import handlers as automations
from functions.api.automations.routes import ROUTES as AUTOMATIONS
from functions.api.exports import handlers as exports
from functions.api.exports.routes import ROUTES as EXPORTS
from shared.config import Settings
from shared.domain.connectors import Connector
from shared.domain.cursors import Cursors
from shared.domain.exports import DownloadTokens, Export
from shared.domain.ids import derived_id, new_id
from shared.domain.leaves import metadata_text
from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.http import kit as kits
from shared.http.app import App
from shared.http.request import Headers, Request
from shared.http.routes import PREFIX
from shared.messaging.messages import SettleRun
from shared.store.automations import Automations
from shared.store.connectors import Connectors
from shared.store.documents import MAX_BATCH
from shared.store.exports import Exports
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from tests.pipeline.scenes import SCHEMA, USER
from tests.pipeline.world import PROJECT, World

ISSUER, AUDIENCE = "https://issuer.test", "videovector"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"]["code"])


class DeliveryHouse:
    """`call` speaks as the user, `user=` as somebody else, `user=""` as nobody."""

    def __init__(self, world: World, *, stream_limit: int = exports.STREAMED_BYTES, base_url: str = "") -> None:
        self.world = world
        self._identity = IdentityEngine(None, world.clock, ISSUER)
        self.settings = Settings(
            project_id=PROJECT, originals_bucket="originals", derived_bucket="derived", jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE, jwks_url=f"{ISSUER}/jwks", api_key_pepper="pepper", cursor_key="cursors",
        )  # fmt: skip
        self._kit = kits.make(self.settings, world.store, fetch=lambda _: json.dumps(self._identity.jwks()).encode())
        store = world.store
        lists = (Indexes(store), Runs(store, Pages(store, Cursors("cursors"))), Connectors(store), Exports(store))
        tokens = DownloadTokens("cursors")
        self._apps = [
            self._app(
                "exports", EXPORTS, exports.Deps(store, world.queues, world.objects, *lists, tokens, base_url, stream_limit)
            ),
            self._app(
                "automations",
                AUTOMATIONS,
                automations.Deps(store, Automations(store, world.queues), Indexes(store), Connectors(store), Prompts(store)),
            ),
        ]
        self.tenant = derived_id("tenant", ISSUER, USER)

    def _app(self, name: str, routes: Any, deps: Any) -> App:
        return App(name, routes, lambda _: deps, settings=lambda: self.settings, kit=lambda _: self._kit)

    def call(
        self, method: str, path: str, body: Any = None, *, user: str = USER, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        content = json.dumps(body).encode() if body is not None else b""
        sent = {"Host": "127.0.0.1:8080", **(headers or {})}
        if user:
            sent["Authorization"] = f"Bearer {self._identity.user_token(user, AUDIENCE, {})}"
        if content:
            sent["Content-Type"] = "application/json"
        request = Request(
            method, PREFIX + path, urlencode(query), Headers(sent.items()), BytesIO(content), len(content) if content else None
        )
        self.world.clock.advance(0.001)
        response = next(one for one in self._apps if one.serves(request.path)).handle(request)
        body_bytes = response.body if isinstance(response.body, bytes) else b"".join(response.body)  # type: ignore[arg-type]
        return Answer(response.status, response.headers, body_bytes)

    def stored(self, export_id: str) -> Export:
        found = self.world.store.get(Export, self.tenant, export_id)
        assert found is not None
        return found

    def files(self, prefix: str = "exports/", bucket: str = "") -> list[str]:
        objects = self.world.objects
        return [blob.name for blob in objects._client.list_blobs(bucket or objects.derived, prefix=prefix)]

    def index(self, name: str = "Films") -> Index:
        now = self.world.store.clock()
        index = Index(created_at=now, updated_at=now, tenant=self.tenant, index_id=new_id("index"), user_id=USER, name=name)
        return self._create(index)

    def video(self, index_id: str = "", title: str = "A film") -> Video:
        now, video_id = self.world.store.clock(), new_id("video")
        return self._create(
            Video(
                created_at=now, updated_at=now, tenant=self.tenant, video_id=video_id, user_id=USER, title=title,
                video_uri=f"gs://originals/{video_id}", index_id=index_id, generation="1", duration_seconds=60.0,
            )
        )  # fmt: skip

    def connector(self, bucket: str = "customer", **values: Any) -> Connector:
        """To a bucket of the same storage emulator."""
        self.world.objects._client.create_bucket(bucket)
        now, connector_id = self.world.store.clock(), new_id("connector")
        secret = {"client_email": "c@customer.test", "private_key": _private_key(), "private_key_id": "1"}
        connector = Connector(
            created_at=now, updated_at=now, tenant=self.tenant, connector_id=connector_id, user_id=USER, name="theirs",
            provider="gcs", place={"bucket": bucket, "gcp_project_id": "theirs"},
            sealed=self.world.opener.seal(connector_id, self.tenant, secret),
            **{"scopes": ["import", "export"], **values},
        )  # fmt: skip
        return self._create(connector)

    def change(self, document: Any, **values: Any) -> None:
        batch = self.world.store.batch()
        batch.change(document, **values)
        batch.commit()

    def run(
        self, found: list[tuple[Video, list[dict[str, Any]]]], *, deliver: bool = True, whole: dict[str, Any] | None = None
    ) -> Run:
        """A run whose segments found these; the stages end it themselves."""
        now = self.world.store.clock()
        prompt = {"prompt_text": "-", "json_schema": SCHEMA, "video_level": None, "semantic_indexing": {}}
        run = Run(
            created_at=now, updated_at=now, tenant=self.tenant, run_id=new_id("run"), user_id=USER, prompt_id=new_id("prompt"),
            prompt_name="Scenes", prompt_revision=1, prompt=prompt, target={"type": "videos"}, planned=True, started_at=now,
            index_ids=sorted({video.index_id for video, _ in found}), status="processing",
        )  # fmt: skip
        rows: list[Any] = [run]
        for video, metadata in found:
            rows.append(self._media(run, video, len(metadata), whole or {}))
            rows += [self._segment(run, video, ordinal, data) for ordinal, data in enumerate(metadata)]
        for at in range(0, len(rows), MAX_BATCH):
            batch = self.world.store.batch()
            for row in rows[at : at + MAX_BATCH]:
                batch.create(row)
            batch.commit()
        self.world.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id))
        if deliver:
            self.world.deliver()
        self.world.clock.advance(1)
        return run

    def _create(self, document: Any) -> Any:
        batch = self.world.store.batch()
        batch.create(document)
        batch.commit()
        self.world.clock.advance(0.01)
        return document

    def _media(self, run: Run, video: Video, segments: int, whole: dict[str, Any]) -> RunMedia:
        now = self.world.store.clock()
        return RunMedia(
            created_at=now, updated_at=now, tenant=run.tenant, run_id=run.run_id, video_id=video.video_id,
            index_id=video.index_id, video_name=video.title, status="completed", open=False, total_segments=segments,
            successful_segments=segments, video_level_metadata=whole, video_level_text=metadata_text(whole),
            video_level_status="completed" if whole else "",
        )  # fmt: skip

    def _segment(self, run: Run, video: Video, ordinal: int, data: dict[str, Any]) -> SegmentResult:
        now = self.world.store.clock()
        return SegmentResult(
            created_at=now, updated_at=now, tenant=run.tenant, run_id=run.run_id, video_id=video.video_id,
            segment_id=new_id("segment"), index_id=video.index_id, ordinal=ordinal, start=ordinal * 10.0,
            end=ordinal * 10.0 + 10, open=False, status="successful", metadata=data, metadata_text=metadata_text(data),
            transcript=f"words {ordinal}", field_extraction_succeeded=True, completed_at=now,
        )  # fmt: skip


@cache
def _private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
