"""Runs whose answers the test chooses, with the searching families in front of them."""

import json
from dataclasses import dataclass
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import Any

from emulators.identity.engine import Engine as IdentityEngine
from functions.api.search import handlers as search
from functions.api.search.routes import ROUTES as SEARCH
from functions.api.sql_search import handlers as sql_search
from functions.api.sql_search.routes import ROUTES as SQL_SEARCH
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.domain.ids import derived_id, new_id
from shared.domain.leaves import metadata_text
from shared.domain.media import Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.http import kit as kits
from shared.http.app import App
from shared.http.request import Headers, Request
from shared.http.routes import PREFIX
from shared.inference.models import Models
from shared.messaging.messages import SettleRun
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.usage import Usage
from shared.tables.asking import SqlTables
from shared.tables.cache import FileCache
from shared.tables.filtering import FilterSearch
from shared.tables.sandbox import Sandbox
from tests.pipeline.scenes import USER
from tests.pipeline.world import PROJECT, World

ISSUER, AUDIENCE = "https://issuer.test", "videovector"
SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "viewers": {"type": "integer"},
        "confidence": {"type": "number"},
        "outdoors": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "scene": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "people": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "emotion": {"type": "string"},
                            "age": {"type": "integer"},
                            "wears": {"type": "array", "items": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FilterHouse:
    """One user's tenant; `results` plants what a run found, and the real stages make its tables."""

    def __init__(self, world: World, folder: Path, sandbox: Sandbox, gemini: Any = None) -> None:
        self.world = world
        self._identity = IdentityEngine(None, world.clock, ISSUER)
        settings = Settings(
            project_id=PROJECT, originals_bucket="originals", derived_bucket="derived", jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE, jwks_url=f"{ISSUER}/jwks", api_key_pepper="pepper", cursor_key="cursors",
        )  # fmt: skip
        store, objects, cursors = world.store, world.objects, Cursors("cursors")
        self.kit = kit = kits.make(settings, store, fetch=lambda _: json.dumps(self._identity.jwks()).encode())
        runs, own = Runs(store, Pages(store, cursors)), Indexes(store)
        folder.mkdir(exist_ok=True)
        self.files = FileCache(objects, folder)
        filters = FilterSearch(store, self.files, cursors)
        models = Models(settings, lambda _: gemini)
        nothing: Any = None  # these routes look for no vectors
        families: dict[str, tuple[Any, Any]] = {
            "search": (SEARCH, search.Deps(own, runs, _Unsigned(), nothing, nothing, Markers(store), filters)),  # type: ignore[arg-type]
            "sql_search": (SQL_SEARCH, sql_search.Deps(own, runs, SqlTables(store, self.files, sandbox), models, kit.meter)),
        }
        self._apps = [
            App(name, routes, lambda _, deps=deps: deps, settings=lambda: settings, kit=lambda _: kit)
            for name, (routes, deps) in families.items()
        ]
        self.tenant = derived_id("tenant", ISSUER, USER)

    def used(self) -> dict[str, float]:
        """What is counted of the tenant this month."""
        self.kit.meter.flush(self.tenant)
        month = f"{self.world.store.clock().astimezone(UTC):%Y-%m}"
        return Usage(self.world.store).of_periods(self.tenant, [month])[month].metrics

    def call(self, path: str, body: Any, sub: str = USER) -> Answer:
        content = json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self._identity.user_token(sub, AUDIENCE, {})}", "Content-Type": "application/json",
        }  # fmt: skip
        request = Request("POST", PREFIX + path, "", Headers(headers.items()), BytesIO(content), len(content))
        app = next(one for one in self._apps if one.serves(request.path))
        response = app.handle(request)
        assert isinstance(response.body, bytes)
        return Answer(response.status, response.body)

    def video(self, index_id: str = "", title: str = "A film") -> Video:
        now, video_id = self.world.store.clock(), new_id("video")
        video = Video(
            created_at=now, updated_at=now, tenant=self.tenant, video_id=video_id, user_id=USER, title=title,
            video_uri=f"gs://originals/{video_id}", index_id=index_id, generation="1", duration_seconds=60.0,
        )  # fmt: skip
        batch = self.world.store.batch()
        batch.create(video)
        batch.commit()
        return video

    def run(
        self,
        found: list[tuple[Video, list[dict[str, Any]]]],
        *,
        schema: dict[str, Any] | None = None,
        wholes: dict[str, dict[str, Any]] | None = None,
        video_level: dict[str, Any] | None = None,
        deliver: bool = True,
    ) -> Run:
        """A run whose segments found these; it ends, and its tables are built, by the stages themselves."""
        store, now = self.world.store, self.world.store.clock()
        prompt = {"prompt_text": "-", "json_schema": schema or SCHEMA, "video_level": video_level, "semantic_indexing": {}}
        run = Run(
            created_at=now, updated_at=now, tenant=self.tenant, run_id=new_id("run"), user_id=USER, prompt_id=new_id("prompt"),
            prompt_name="p", prompt_revision=1, prompt=prompt, target={"type": "videos"}, planned=True, started_at=now,
            index_ids=sorted({video.index_id for video, _ in found}), status="processing",
        )  # fmt: skip
        batch = store.batch()
        batch.create(run)
        for video, metadata in found:
            batch.create(self._media(run, video, len(metadata), (wholes or {}).get(video.video_id, {})))
            for ordinal, data in enumerate(metadata):
                batch.create(self._segment(run, video, ordinal, data))
        batch.commit()
        self.world.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id))
        if deliver:
            self.world.deliver()
        self.world.clock.advance(1)
        return run

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
            transcript=f"words {ordinal}", field_extraction_succeeded=True,
        )  # fmt: skip


class _Unsigned:
    def signed_url(self, uri: str) -> str:
        return f"https://signed.test/{uri.removeprefix('gs://')}"
