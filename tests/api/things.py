"""One of everything that a tenant can have, and the requests of the reference's examples with its ids in them."""

import io
import json
import re
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from emulators.faults import Faults
from emulators.storage.engine import Engine as StorageEngine
from emulators.storage.server import Server as StorageServer
from emulators.vertex.server import serve
from functions.api.sql_search.handlers import Deps as SqlDeps
from functions.api.sql_search.routes import ROUTES as SQL
from shared.domain.chat import ChatTurn
from shared.domain.cursors import Cursors
from shared.domain.ids import PREFIXES, new_id
from shared.domain.imports import ImportJob
from shared.domain.media import Cut, CutSettings, Segment, segment_id
from shared.domain.runs import RunMedia, SegmentResult
from shared.domain.webhooks import Delivery
from shared.http.routes import Route
from shared.openapi.examples import example_id, example_of, noun_named
from shared.openapi.models import Models
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.tables.asking import SqlTables
from shared.tables.cache import FileCache
from shared.tables.sandbox import Sandbox
from tests.api import search_world
from tests.api.test_indexes import put_run, put_video
from tests.api.test_prompts import scenes
from tests.api.world import PROJECT, Answer, World
from tests.contract.families import ROUTES
from tests.pipeline.import_house import a_key_file

BUCKET = {"name": "shelf", "bucket": "media-archive", "region": "us-east-1", "scopes": ["import", "export"]}
KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "example-secret-access-key"}


@dataclass
class Things:
    """Ids by noun. `others`: the thing in the state that an operation asks for, by the operation's id and the noun."""

    tenant: str
    owner: dict[str, str]
    ids: dict[str, str]
    others: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, route: Route, noun: str) -> str:
        return self.others.get((route.id, noun)) or self.ids.get(noun) or example_id(noun)


@cache
def models() -> Models:
    return Models(ROUTES)


def with_search(world: World, models_url: str) -> Callable[[], None]:
    """Search and SQL over the models at that address; call what comes back to end the processes of SQL."""
    found = search_world.build(world, models_url)
    sandbox, store = Sandbox(), world.store
    runs = Runs(store, Pages(store, Cursors("cursors")))
    files = FileCache(search_world.SignedByName(), Path("/nonexistent"))  # type: ignore[arg-type]
    world.apps["sql_search"] = world.app(
        SQL, SqlDeps(Indexes(store), runs, SqlTables(store, files, sandbox), found.models, world.kit.meter)
    )
    return sandbox.close


def serve_objects(folder: Path, clock: Callable[[], float]) -> Any:
    """The local storage service with our two buckets and a customer's."""
    server = StorageServer(StorageEngine(folder, clock, lambda _: None, lambda *_: None), Faults(), 0)
    client = storage.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url})
    for name in ("originals", "derived", "media-archive"):
        client.create_bucket(name)
    client.bucket("media-archive").blob("2026/04/news.mp4").upload_from_string(silence())
    return server


def serve_models(clock: Callable[[], float]) -> Any:
    """The local models' service, for sentence vectors and vector search; it has no objects to look at."""

    def no_objects(uri: str) -> bytes:
        raise FileNotFoundError(uri)

    return serve(None, Faults(), clock, no_objects)


def one_of_each(world: World, sub: str) -> Things:
    owner = world.as_owner(sub)

    def made(noun: str, method: str, path: str, body: Any = None) -> str:
        answer = world.call(method, path, body, owner)
        assert answer.status in (200, 201, 202), answer.body
        name = "key_id" if noun == "api_key" else f"{noun.removeprefix('import_')}_id"
        return str(answer.json[name])

    ids = {"index": made("index", "POST", "/indexes", {"name": f"{sub}'s index"})}
    things = Things(_tenant(world, ids["index"]), owner, ids)
    ids["api_key"] = made("api_key", "POST", "/api-keys", {"name": f"{sub}'s key"})
    ids["prompt"] = made("prompt", "POST", "/prompts", scenes(name=f"{sub}'s prompt"))
    _media(world, things, sub)
    mark = {"target_type": "prompt", "target_id": ids["prompt"], "color": "red", "note": f"{sub}'s note"}
    ids["marker"] = made("marker", "PUT", "/markers", mark)
    hook = {"name": f"{sub}'s hook", "url": "https://hooks.example.com/x", "events": ["export.ready"]}
    ids["webhook"] = made("webhook", "POST", "/webhooks", hook)
    ids["export"] = made("export", "POST", f"/exports/index/{ids['index']}")
    ids["session"] = made("session", "POST", "/chat/sessions", {"title": f"{sub}'s talk"})
    ids["connector"] = made("connector", "POST", "/connectors/s3", {**BUCKET, **KEYS, "name": f"{sub}'s shelf"})
    spare = made("connector", "POST", "/connectors/s3", {**BUCKET, **KEYS, "name": f"{sub}'s other shelf"})
    things.others["DELETE /connectors/{connector_id}", "connector"] = spare  # nothing makes use of it
    job = {"connector_id": ids["connector"], "index_id": ids["index"]}
    ids["import_job"] = made("import_job", "POST", "/import-jobs", job)
    wish = {"connector_id": ids["connector"], "source_prefix": f"{sub}'s folder"}
    told = {"destination_connector_id": ids["connector"]}
    for kind, body in (("import", wish), ("export", told)):
        made("index", "PUT", f"/indexes/{ids['index']}/automations/{kind}", body)
    _told(world, things, sub)
    return things


def _tenant(world: World, index_id: str) -> str:
    for snapshot in world.store.db.collection_group("indexes").stream():
        if snapshot.id == index_id:
            return str(snapshot.reference.path.split("/")[1])
    raise LookupError(index_id)


def _media(world: World, things: Things, sub: str) -> None:
    """A film with one segment that failed in a run that ended; a run that has not begun, and a film of no run."""
    ids, tenant, now = things.ids, things.tenant, world.store.clock()
    video = put_video(world, tenant, ids["index"], f"{sub}'s film")
    asked = {"prompt_id": ids["prompt"], "prompt": {"json_schema": scenes()["json_schema"]}}
    run = put_run(world, tenant, [ids["index"]], **asked, status="completed")
    cut_id = CutSettings().cut_id(video)
    ids |= {"video": video.video_id, "run": run.run_id, "segment": segment_id(video.video_id, cut_id, 0)}
    waiting = put_run(world, tenant, [ids["index"]], **asked, status="pending")
    things.others["POST /prompt-runs/{run_id}/cancel", "run"] = waiting.run_id
    times = {"created_at": now, "updated_at": now, "tenant": tenant, "video_id": video.video_id}
    place = {**times, "cut_id": cut_id, "segment_id": ids["segment"], "ordinal": 0, "start": 0.0, "end": 10.0}
    failed = {"status": "failed", "open": False, "has_failures": True, "retryable": True}
    batch = world.store.batch()
    batch.create(Cut(**times, cut_id=cut_id, generation="1", segment_count=1, runs={run.run_id: now}))
    batch.create(Segment(**place))
    ends = {"status": "failed", "open": False, "total_segments": 1, "failed_segments": 1, "cut_id": cut_id}
    whole = {"video_level_status": "completed", "video_level_metadata": {"headline": f"{sub}'s summary"}}
    batch.create(RunMedia(**times, run_id=run.run_id, index_id=ids["index"], **ends, **whole))
    batch.create(SegmentResult(**place, run_id=run.run_id, index_id=ids["index"], **failed))
    batch.commit()


def _told(world: World, things: Things, sub: str) -> None:
    """A delivery that failed, a turn that waits, an import that failed."""
    ids, now = things.ids, world.store.clock()
    times = {"created_at": now, "updated_at": now, "tenant": things.tenant}
    told = {"event_id": new_id("event"), "event_type": "export.ready", "status": "failed"}
    delivery = Delivery(**times, **told, webhook_id=ids["webhook"], delivery_id=new_id("delivery"))
    asked = {"user_id": sub, "message": f"{sub}'s question", "status": "pending", "wake_at": now + timedelta(minutes=1)}
    turn = ChatTurn(**times, **asked, session_id=ids["session"], turn_id=new_id("turn"))
    over = {"connector_id": ids["connector"], "index_id": ids["index"], "failed": 1, "total_files": 1}
    job = ImportJob(**times, job_id=new_id("import_job"), user_id=sub, status="failed", listed=True, **over)
    batch = world.store.batch()
    for one in (delivery, turn, job):
        batch.create(one)
    batch.commit()
    ids |= {"delivery": delivery.delivery_id, "turn": turn.turn_id}
    things.others["POST /import-jobs/{job_id}/retry", "import_job"] = job.job_id


def address(route: Route, things: Things, at: Mapping[str, str] | None = None) -> str:
    """The path with the ids of these things, or with those of `at` by the name of the parameter."""
    named = at or {}

    def filled(found: re.Match[str]) -> str:
        name = found.group(1)
        return named.get(name) or things.of(route, noun_named(name) or "video")

    return re.sub(r"\{(\w+)\}", filled, route.path)


def own(route: Route, things: Things, example: Any) -> Any:
    """What the reference shows, with the ids of these things for those that it shows."""
    text = json.dumps(example)
    for noun in PREFIXES:
        text = text.replace(example_id(noun), things.of(route, noun))
    return json.loads(text)


def body_of(route: Route, things: Things) -> Any:
    if route.body is None and route.multipart is None:
        return None
    return own(route, things, dict(example_of(route, models())))


def query_of(route: Route, things: Things) -> dict[str, str]:
    """The fields that must be there."""
    fields = route.query.model_fields if route.query else {}
    return {name: things.of(route, noun_named(name) or "video") for name, one in fields.items() if one.is_required()}


def ask(world: World, route: Route, things: Things, headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
    """The example of the reference as the owner of these things asks it."""
    said = body if body is not None else body_of(route, things)
    sent = {**things.owner, **(headers or {})}
    path, query = address(route, things), query_of(route, things)
    if route.multipart is None:
        return world.call(route.method, path, said, sent, query=query)
    files = {name: FILES[name]() for name in route.file_parts}
    form = requests.Request("POST", "http://x/", data=said, files=files).prepare()
    sent["Content-Type"] = form.headers["Content-Type"]
    assert isinstance(form.body, bytes)
    return world.call(route.method, path, None, sent, query=query, raw=form.body)


FILES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "file": lambda: ("silence.wav", silence()),
    "credentials_file": lambda: ("key.json", json.dumps(a_key_file()).encode()),
}


def silence() -> bytes:
    """A second of it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(16_000))
    return out.getvalue()
