"""The API in front of the pipeline, on the same engines: what a user sends, and what the stages make of it."""

import json
import time
import uuid
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import requests

from emulators.identity.engine import Engine as IdentityEngine
from functions.api.indexes import handlers as indexes
from functions.api.indexes.routes import ROUTES as INDEXES
from functions.api.markers import handlers as markers
from functions.api.markers.routes import ROUTES as MARKERS
from functions.api.prompts import handlers as prompts
from functions.api.prompts.routes import ROUTES as PROMPTS
from functions.api.videos import deps as videos
from functions.api.videos.routes import ROUTES as VIDEOS
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http import kit as kits
from shared.http.app import App
from shared.http.request import Headers, Request
from shared.http.routes import PREFIX
from shared.store.connectors import Connectors
from shared.store.deletions import Deletions
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos
from tests.pipeline.uploads import ingested
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


class House:
    """Speaks for one user; `as_other` for a stranger. A user's tenant is made of the token's subject."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.clock.advance(time.time() - world.clock())  # the client signs addresses by the wall clock
        self._identity = IdentityEngine(None, world.clock, ISSUER)
        settings = Settings(
            project_id=PROJECT,
            originals_bucket="originals",
            derived_bucket="derived",
            jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE,
            jwks_url=f"{ISSUER}/jwks",
            api_key_pepper="pepper",
            cursor_key="cursors",
            upload_limit_bytes=4_000_000,
        )
        kit = kits.make(settings, world.store, fetch=lambda _: json.dumps(self._identity.jwks()).encode())
        pages = Pages(world.store, Cursors("cursors"))
        store, objects = world.store, world.objects
        own, media, runs, asked = Indexes(store), Videos(store, pages), Runs(store, pages), Prompts(store)
        deletions = Deletions(store, world.queues)
        connected = Connectors(store), world.opener
        families: dict[str, tuple[Any, Any]] = {
            "indexes": (INDEXES, indexes.Deps(store, own, media, runs, asked, deletions, objects.signed_url)),
            "videos": (VIDEOS, videos.Deps(store, world.topics, objects, pages, own, media, runs, deletions, *connected)),
            "prompts": (PROMPTS, prompts.Deps(store, asked, lambda: None, kit.meter)),  # type: ignore[arg-type, return-value]
            "markers": (MARKERS, markers.Deps(store, Markers(store), asked, runs, media)),
        }
        self._apps = [
            App(name, routes, lambda _, deps=deps: deps, settings=lambda: settings, kit=lambda _: kit)
            for name, (routes, deps) in families.items()
        ]

    def tenant(self, user: str = "ada") -> str:
        """Under which the user's things are stored."""
        call = self.call("POST", "/videos/upload-session", {"title": "x", "content_type": "video/mp4"}, user=user)
        return str(call.json["video_uri"].split("/")[4])

    def call(self, method: str, path: str, body: Any = None, *, user: str = "ada", **query: Any) -> Answer:
        content = json.dumps(body).encode() if body is not None else b""
        return self._send(method, path, content, "application/json", user, query)

    def upload(self, content: bytes, *, user: str = "ada", name: str = "file.mp4", **fields: str) -> Answer:
        """As a browser sends a form."""
        form = requests.Request(
            "POST", "http://x/", data={"title": "A film", **fields}, files={"file": (name, content)}
        ).prepare()
        assert isinstance(form.body, bytes)
        return self._send("POST", "/videos/upload", form.body, form.headers["Content-Type"], user, {})

    def film(self, content: bytes, **fields: str) -> str:
        """Uploads it, lets the pipeline look at it, and gives its id."""
        made = self.upload(content, **fields)
        assert made.status == 201, made.body
        ingested(self.world)
        self.world.deliver()
        return str(made.json["video_id"])

    def index(self, *, user: str = "ada") -> str:
        return str(self.call("POST", "/indexes", {"name": f"Films {uuid.uuid4().hex[:6]}"}, user=user).json["index_id"])

    def _send(self, method: str, path: str, content: bytes, kind: str, user: str, query: dict[str, Any]) -> Answer:
        headers = {"Authorization": f"Bearer {self._identity.user_token(user, AUDIENCE, {})}"}
        if content:
            headers["Content-Type"] = kind
        request = Request(
            method, PREFIX + path, urlencode(query), Headers(headers.items()), BytesIO(content), len(content) if content else None
        )
        self.world.clock.advance(0.001)
        app = next((one for one in self._apps if one.serves(request.path)), self._apps[0])
        response = app.handle(request)
        body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return Answer(response.status, response.headers, body)
