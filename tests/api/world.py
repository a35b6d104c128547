"""All HTTP families on engines in this process, with a clock that moves a millisecond with each request."""

import base64
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2 import service_account

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.identity.engine import Engine as IdentityEngine
from emulators.pubsub.engine import Engine as PubSubEngine
from emulators.pubsub.inprocess import publisher
from emulators.tasks.engine import Engine as TasksEngine
from emulators.tasks.inprocess import client as tasks_client
from functions.api.api_keys import handlers as api_keys
from functions.api.api_keys.routes import ROUTES as API_KEYS
from functions.api.automations import handlers as automations
from functions.api.automations.routes import ROUTES as AUTOMATIONS
from functions.api.chat import handlers as chat
from functions.api.chat.routes import ROUTES as CHAT
from functions.api.connectors import handlers as connectors
from functions.api.connectors.routes import ROUTES as CONNECTORS
from functions.api.console.handlers import connect as console_deps
from functions.api.console.routes import ROUTES as CONSOLE
from functions.api.docs.routes import ROUTES as DOCS
from functions.api.events import handlers as events
from functions.api.events.routes import ROUTES as EVENTS
from functions.api.events.tailing import Tails
from functions.api.exports import handlers as exports
from functions.api.exports.routes import ROUTES as EXPORTS
from functions.api.import_jobs import handlers as import_jobs
from functions.api.import_jobs.routes import ROUTES as IMPORT_JOBS
from functions.api.indexes import handlers as indexes
from functions.api.indexes.routes import ROUTES as INDEXES
from functions.api.markers import handlers as markers
from functions.api.markers.routes import ROUTES as MARKERS
from functions.api.prompt_runs import handlers as prompt_runs
from functions.api.prompt_runs.routes import ROUTES as PROMPT_RUNS
from functions.api.prompts import handlers as prompts
from functions.api.prompts.routes import ROUTES as PROMPTS
from functions.api.usage import handlers as usage
from functions.api.usage.routes import ROUTES as USAGE
from functions.api.videos import deps as videos
from functions.api.videos.routes import ROUTES as VIDEOS
from functions.api.webhooks import handlers as webhooks
from functions.api.webhooks.routes import ROUTES as WEBHOOKS
from functions.api.workflow import handlers as workflow
from functions.api.workflow.routes import ROUTES as WORKFLOW
from shared import secrets
from shared.calling.api import Answered, PublicApi
from shared.chat.following import Follower
from shared.config import Settings
from shared.connectors.opening import Opener
from shared.domain.cursors import Cursors
from shared.domain.exports import DownloadTokens
from shared.egress.client import Egress
from shared.egress.dialing import Dialer
from shared.http import kit as kits
from shared.http.app import App
from shared.http.kit import Kit
from shared.http.request import Headers, Request, Response
from shared.http.routes import PREFIX, Route
from shared.inference.models import Models
from shared.messaging.messages import QUEUES
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.objects.buckets import Objects
from shared.store.automations import Automations
from shared.store.blobs import StoredBlobs
from shared.store.chats import Chats
from shared.store.connectors import Connectors
from shared.store.deletions import Deletions
from shared.store.documents import Store
from shared.store.exports import Exports
from shared.store.imports import Imports
from shared.store.indexes import Indexes
from shared.store.keys import Keys
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.usage import Usage
from shared.store.videos import Videos
from shared.store.webhooks import Webhooks
from shared.webhooks.posting import Posting
from tests.api.truth import assert_as_described

PROJECT = "videovector-test"
ISSUER = "https://issuer.test"
AUDIENCE = "videovector"
COMPOSITE_INDEXES = Path(__file__).parents[2] / "infra" / "firestore.indexes.json"

FAMILIES: dict[str, list[Route]] = {
    "api_keys": API_KEYS,
    "indexes": INDEXES,
    "prompts": PROMPTS,
    "videos": VIDEOS,
    "prompt_runs": PROMPT_RUNS,
    "markers": MARKERS,
    "connectors": CONNECTORS,
    "import_jobs": IMPORT_JOBS,
    "exports": EXPORTS,
    "automations": AUTOMATIONS,
    "webhooks": WEBHOOKS,
    "events": EVENTS,
    "chat": CHAT,
    "usage": USAGE,
    "workflow": WORKFLOW,
    "console": CONSOLE,
    "docs": DOCS,
}


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
        return self.json["error"]["code"]


@dataclass
class World:
    settings: Settings
    clock: ManualClock
    store: Store
    tasks: TasksEngine
    identity: IdentityEngine
    kit: Kit
    faults: Faults  # of the store
    apps: dict[str, App]
    jwks_fetches: list[str] = field(default_factory=list)

    def token(self, sub: str = "ada", **claims: Any) -> str:
        return self.identity.user_token(sub, AUDIENCE, claims)

    def as_owner(self, sub: str = "ada") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(sub)}"}

    def as_key(self, *scopes: str, sub: str = "ada") -> dict[str, str]:
        """Headers with a fresh key of these scopes."""
        made = self.call("POST", "/api-keys", {"name": "a key", "scopes": list(scopes)}, self.as_owner(sub))
        assert made.status == 201, made.body
        return {"X-API-Key": made.json["key"]}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """`path` is below /api/v2; `body` goes as JSON, `raw` as it is."""
        content = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        request = Request(
            method,
            PREFIX + path,
            urlencode(query or {}, doseq=True),
            Headers(sent.items()),
            BytesIO(content),
            len(content) if content else None,
        )
        self.clock.advance(0.001)
        return ask(self._app(request.path), request)

    def _app(self, path: str) -> App:
        return next((app for app in self.apps.values() if app.serves(path)), self.apps["indexes"])

    def app(self, routes: list[Route], deps: Any = None) -> App:
        """A family of the test's own on the same kit."""
        return App("own", routes, lambda _: deps, settings=lambda: self.settings, kit=lambda _: self.kit)


def ask(app: App, request: Request) -> Answer:
    """The answer, which is held against what the route says of it."""
    answer = answer_of(app.handle(request))
    match = app._router.match(request.path)
    route = match.by_method.get(request.method) if match else None
    if route is not None:
        assert_as_described(route, answer.status, answer.headers, answer.body)
    return answer


class InProcess:
    """The public API as `shared.calling` meets it, without a wire in between."""

    def __init__(self) -> None:
        self.apps: dict[str, App] = {}

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None) -> Answered:
        path, _, query = target.partition("?")
        content = body if isinstance(body, bytes) else b"".join(body or ())
        request = Request(method, path, query, Headers(headers.items()), BytesIO(content), len(content) if content else None)
        app = next((app for app in self.apps.values() if app.serves(path)), self.apps["indexes"])
        answer = ask(app, request)
        return Answered(answer.status, answer.headers, answer.body)


def nowhere(host: str) -> list[str]:
    """A name service that knows this machine alone, so that no test asks a real one."""
    if host == "localhost":
        return ["127.0.0.1"]
    raise OSError(f"{host} is not known here")


def answer_of(response: Response) -> Answer:
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    return Answer(response.status, response.headers, body)


class _Issuer:
    """One for all worlds, since making its keys takes longer than all the rest; each world gives it its clock."""

    def __init__(self) -> None:
        self._clock: Callable[[], float] = ManualClock()
        self._engine = IdentityEngine(None, lambda: self._clock(), ISSUER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "signer.json"
            self._engine.service_account_file(file, "http://127.0.0.1:9/token", f"signer@{PROJECT}.test", PROJECT)
            self.signer = service_account.Credentials.from_service_account_info(json.loads(file.read_text()))

    def at(self, clock: Callable[[], float]) -> IdentityEngine:
        self._clock = clock
        return self._engine


@cache
def _issuer() -> _Issuer:
    return _Issuer()


def build(folder: Path, storage_url: str = "") -> World:
    """Objects lie in the storage service at that address; without one, what needs them fails."""
    clock, faults = ManualClock(1_780_000_000.0), Faults()
    identity = _issuer().at(clock)
    sealing_key = folder / "sealing.key"
    sealing_key.write_text(base64.b64encode(os.urandom(32)).decode())
    settings = Settings(
        project_id=PROJECT,
        originals_bucket="originals",
        derived_bucket="derived",
        jwt_issuer=ISSUER,
        jwt_audience=AUDIENCE,
        jwks_url=f"{ISSUER}/jwks",
        kms_key=sealing_key.as_uri(),
        cursor_key="cursors",
        api_key_pepper="pepper",
        upload_limit_bytes=2_000_000,
    )
    firestore = firestore_client(FirestoreEngine(None, clock, COMPOSITE_INDEXES), PROJECT, faults=faults)
    store = Store(firestore, lambda: datetime.fromtimestamp(clock(), UTC), StoredBlobs(settings))
    fetches: list[str] = []

    def fetch(url: str) -> bytes:
        fetches.append(url)
        return json.dumps(identity.jwks()).encode()

    kit = kits.make(settings, store, fetch=fetch, sleep=clock.advance)
    tasks = TasksEngine(None, clock)
    deps = _deps(settings, store, kit, tasks, clock, storage_url)
    public = InProcess()
    deps["workflow"] = _workflow(PublicApi(public), store, deps)
    apps = public.apps = {
        name: App(name, routes, lambda _, name=name: deps[name], settings=lambda: settings, kit=lambda _: kit)
        for name, routes in FAMILIES.items()
    }
    return World(settings, clock, store, tasks, identity, kit, faults, apps, fetches)


def _workflow(public: PublicApi, store: Store, deps: Mapping[str, Any]) -> workflow.Deps:
    imports, told = deps["import_jobs"], deps["webhooks"]
    return workflow.Deps(public, imports.cursors, store, imports.imports, imports.indexes, told.egress, told.sealer)


def _deps(
    settings: Settings, store: Store, kit: Kit, tasks: TasksEngine, clock: Callable[[], float], storage_url: str
) -> dict[str, Any]:
    client = tasks_client(tasks)
    parent = f"projects/{PROJECT}/locations/{settings.region}"
    for names in QUEUES.values():
        for name in names:
            client.create_queue(parent=parent, queue={"name": f"{parent}/queues/{name}"})
    pubsub = publisher(PubSubEngine(None, clock))
    pubsub.create_topic(name=f"projects/{PROJECT}/topics/events")
    queues, topics = Queues(client, settings), Topics(pubsub, PROJECT)
    place = {"api_endpoint": storage_url} if storage_url else None
    asked = storage.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=place)
    objects = Objects(asked, settings, _issuer().signer)
    pages = Pages(store, Cursors(settings.cursor_key))
    own_indexes, media, runs = Indexes(store), Videos(store, pages), Runs(store, pages)
    own_prompts, deletions = Prompts(store), Deletions(store, queues)
    out, sealer = Egress(Dialer(loopback=True, resolve=nowhere)), secrets.connect(settings)
    told = webhooks.Deps(store, queues, Webhooks(store), own_indexes, out, sealer, Posting(out, sealer))
    return {
        "api_keys": api_keys.Deps(store, Keys(store), settings.api_key_pepper, kit.authenticator.keys.forget),
        "indexes": indexes.Deps(store, own_indexes, media, runs, own_prompts, deletions, objects.signed_url),
        "prompts": prompts.Deps(store, own_prompts, lambda: Models(settings), kit.meter),
        "videos": videos.Deps(
            store, topics, objects, pages, own_indexes, media, runs, deletions, Connectors(store), Opener(settings, sealer)
        ),
        "prompt_runs": prompt_runs.Deps(store, queues, objects, pages, own_indexes, media, own_prompts, runs),
        "usage": usage.Deps(store.clock, Usage(store), kit.limits, kit.meter.flush),
        "markers": markers.Deps(store, Markers(store), own_prompts, runs, media),
        "connectors": connectors.Deps(
            store, queues, Connectors(store), Opener(settings, sealer), frozenset({"originals", "derived"})
        ),
        "import_jobs": import_jobs.Deps(
            store, Imports(store, queues), Connectors(store), own_indexes, pages, Cursors(settings.cursor_key), out, sealer
        ),
        "automations": automations.Deps(store, Automations(store, queues), own_indexes, Connectors(store), own_prompts),
        "exports": exports.Deps(
            store,
            queues,
            objects,
            own_indexes,
            runs,
            Connectors(store),
            Exports(store),
            DownloadTokens(settings.cursor_key),
            settings.api_base_url,
        ),
        "webhooks": told,
        "events": events.Deps(store, Tails(store), kit.authenticator.caller),
        "chat": chat.Deps(store, queues, Chats(store), own_indexes, runs, media, deletions, Follower(store)),
        "console": console_deps(settings),
        "docs": None,
    }
