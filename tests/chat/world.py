"""Chat for tests: the family and its stage on the pipeline's engines, media that runs looked at, a model that a test scripts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from emulators.identity.engine import Engine as IdentityEngine
from functions.api.chat.handlers import Deps
from functions.api.chat.routes import ROUTES
from functions.pipeline.run_turn.turning import LEASE, run_turn
from functions.pipeline.run_turn.turning import Deps as TurnDeps
from shared.chat.following import Follower
from shared.chat.scope import ChatScope
from shared.chat.talking import Deps as TalkDeps
from shared.chat.tools import Library, Tools
from shared.config import Settings
from shared.domain.chat import ChatTurn, TurnBlock, TurnStep
from shared.domain.cursors import Cursors
from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.http import kit as kits
from shared.http.app import App
from shared.http.request import Headers, Request, Response
from shared.http.routes import PREFIX
from shared.inference.models import Models
from shared.messaging.messages import RunTurn
from shared.search.found import texts_of
from shared.search.text import TextSearch
from shared.store.chats import Chats
from shared.store.deletions import Deletions
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos
from shared.tables.asking import SqlTables
from shared.tables.filtering import FilterSearch
from shared.tables.sandbox import Sandbox
from shared.vectors.ids import TextId
from shared.vectors.points import text_points
from shared.work.claims import Claims
from shared.work.stage import Stage
from tests.pipeline.filter_house import AUDIENCE, ISSUER, FilterHouse
from tests.pipeline.gemini import Gemini
from tests.pipeline.scenes import USER, an_index
from tests.pipeline.world import PROJECT, World, no_heartbeat

Says = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any  # bytes, or the async body of a stream

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"]["code"])


def say(*parts: dict[str, Any], finish: str = "STOP", model: str = "scripted-model") -> tuple[int, dict[str, Any]]:
    """A generateContent response with these parts."""
    candidate: dict[str, Any] = {"finishReason": finish}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}
    return 200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}


def text(words: str) -> dict[str, Any]:
    return {"text": words}


def call(name: str, signature: str = "", **arguments: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": arguments}}
    return {**part, "thoughtSignature": signature} if signature else part


def scripted(*answers: tuple[int, dict[str, Any]]) -> Says:
    """One answer for each step of a turn: the step is told by how many contents of the model came since the question."""

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return answers[min(steps_so_far(body), len(answers) - 1)]

    return answer


def steps_so_far(body: dict[str, Any]) -> int:
    """Answers of the model in this turn: those behind the last content with the user's own words."""
    count = 0
    for content in reversed(body["contents"]):
        if content["role"] == "user" and any("text" in part for part in content["parts"]):
            return count
        count += content["role"] == "model"
    return count


class ChatWorld:
    """Speaks for one user, whose tenant has what `film` and `look` put there."""

    def __init__(self, world: World, gemini: Gemini, sandbox: Sandbox, folder: Path) -> None:
        self.world = world
        self.gemini = gemini
        self.house = FilterHouse(world, folder, sandbox)
        self.tenant = self.house.tenant
        self.store, self.clock = world.store, world.clock
        settings = Settings(
            project_id=PROJECT,
            originals_bucket="originals",
            derived_bucket="derived",
            jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE,
            jwks_url=f"{ISSUER}/jwks",
            api_key_pepper="pepper",
            cursor_key="cursors",
        )
        self._identity = IdentityEngine(None, world.clock, ISSUER)
        kit = kits.make(settings, world.store, fetch=lambda _: json.dumps(self._identity.jwks()).encode())
        cursors = Cursors("cursors")
        pages = Pages(world.store, cursors)
        runs, videos = Runs(world.store, pages), Videos(world.store, pages)
        self.models = Models(world.settings, lambda _: _client(gemini.url))
        filters = FilterSearch(world.store, self.house.files, cursors)
        tables = SqlTables(world.store, self.house.files, sandbox)
        texts = TextSearch(world.store, world.vectors, self.models)
        self.library = Library(world.store, runs, videos, texts, filters, tables)
        talk = TalkDeps(world.store, self.models, self.library, world.clock.advance)
        self.turn_deps = TurnDeps(world.store, Claims(world.store, no_heartbeat, LEASE), talk)
        world.stages["run-turn"] = Stage(RunTurn, run_turn, lambda: self.turn_deps)
        deletions = Deletions(world.store, world.queues)
        follower = Follower(world.store, soon=0.002, seldom=0.01)
        indexes = Indexes(world.store)
        self.deps = Deps(world.store, world.queues, Chats(world.store), indexes, runs, videos, deletions, follower)
        self._app = App("chat", ROUTES, lambda _: self.deps, settings=lambda: settings, kit=lambda _: kit)

    # what there is

    def index(self) -> Index:
        return an_index(self.world, self.tenant)

    def film(self, index_id: str = "", title: str = "A film") -> Video:
        return self.house.video(index_id, title)

    def look(self, video: Video, *found: dict[str, Any], whole: dict[str, Any] | None = None) -> Run:
        """A run that found this in each segment in turn; searched by meaning and words, filtered, and asked by SQL."""
        wholes = {video.video_id: whole} if whole else None
        run = self.house.run([(video, list(found))], wholes=wholes)
        rows = self.store.collection(SegmentResult, run.tenant, run.run_id, video.video_id)
        for row in list(self.store.stream(SegmentResult, rows)):
            self._vectors(run, video, row, row.segment_id)
        media = self.store.get(RunMedia, run.tenant, run.run_id, video.video_id)
        if whole and media is not None:
            self._vectors(run, video, media, "")
        batch = self.store.batch()
        batch.raw_update(video, {"latest_run_id": run.run_id})
        batch.commit()
        return run

    def _vectors(self, run: Run, video: Video, row: SegmentResult | RunMedia, segment_id: str) -> None:
        batch = self.store.batch()
        batch.raw_update(row, {"vector_attempt": 1})
        batch.commit()
        texts = texts_of(run, row)
        vectors = self.models.embed_texts([one.text for one in texts])
        identity = TextId(run.run_id, video.video_id, segment_id, 1, 0)
        self.world.vectors.upsert(text_points(run.tenant, video.index_id, identity, texts, vectors))

    def tools(self, index_ids: Sequence[str] = ("",), run_ids: Sequence[str] = ()) -> Tools:
        return Tools(self.library, ChatScope(self.tenant, tuple(index_ids), tuple(run_ids)))

    # what the user does

    def ask(
        self, method: str, path: str, body: Any = None, *, user: str = USER, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        content = json.dumps(body).encode() if body is not None else b""
        sent = {"Authorization": f"Bearer {self._identity.user_token(user, AUDIENCE, {})}", **(headers or {})}
        if content:
            sent["Content-Type"] = "application/json"
        request = Request(
            method, PREFIX + path, urlencode(query), Headers(sent.items()), BytesIO(content), len(content) if content else None
        )
        self.clock.advance(2.0)  # slowly enough for any budget of requests
        response = self._app.handle(request)
        return Answer(response.status, response.headers, _read(response))

    def session(self, title: str = "") -> str:
        return str(self.ask("POST", "/chat/sessions", {"title": title}).json["session_id"])

    def begin(self, session_id: str, message: str, **rest: Any) -> AsyncIterator[bytes]:
        """The stream of a turn that was just asked; nobody works on it yet."""
        headers = rest.pop("headers", None)
        answer = self.ask("POST", f"/chat/sessions/{session_id}/turns/stream", {"message": message, **rest}, headers=headers)
        assert answer.status == 200, answer.body
        body: AsyncIterator[bytes] = answer.body
        return body

    def turn(self, session_id: str, message: str, **rest: Any) -> dict[str, Any]:
        """Asked, worked on, and at its end."""
        body = self.begin(session_id, message, **rest)
        self.world.deliver()
        return self.last(session_id) | {"events": events_of(asyncio.run(whole(body)))}

    def last(self, session_id: str) -> dict[str, Any]:
        """The newest turn as it is shown."""
        turns = self.ask("GET", f"/chat/sessions/{session_id}/turns", limit=1).json
        return dict(turns[-1])

    def stored(self, session_id: str) -> list[ChatTurn]:
        return list(self.store.stream(ChatTurn, self.store.collection(ChatTurn, self.tenant, session_id)))

    def steps(self, turn: ChatTurn) -> list[TurnStep]:
        rows = self.store.collection(TurnStep, turn.tenant, turn.session_id, turn.turn_id)
        return list(self.store.stream(TurnStep, rows))

    def log(self, turn: ChatTurn) -> list[dict[str, Any]]:
        rows = self.store.collection(TurnBlock, turn.tenant, turn.session_id, turn.turn_id)
        return [event for block in self.store.stream(TurnBlock, rows) for event in block.events]


def _read(response: Response) -> Any:
    if isinstance(response.body, bytes):
        return response.body
    if isinstance(response.body, AsyncIterator):
        return response.body
    return b"".join(response.body)


async def whole(body: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(20):
        return b"".join([piece async for piece in body])


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream as a client reads them; a half one at the end is none."""
    found = []
    for frame in stream.decode().split("\n\n")[:-1]:
        lines = [line for line in frame.split("\n") if not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        if "data" in fields:
            data = json.loads(fields["data"])
            assert fields["event"] == data["type"]
            if "sequence" in data and data["type"] != "turn_resumed":
                assert fields["id"] == str(data["sequence"])
            found.append(data)
    return found


def _client(url: str) -> Any:
    from google import genai
    from google.genai import types
    from google.oauth2.credentials import Credentials

    options = types.HttpOptions(base_url=url, timeout=20_000)
    return genai.Client(
        vertexai=True, project=PROJECT, location="us-central1", credentials=Credentials(token="test"), http_options=options
    )
