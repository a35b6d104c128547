"""Open streams beside the API: 200 of chat turns whose model is still at work, and ten readers whose turns are answered one
after the other, while somebody else uses the API.

The resting streams are of turns that a worker elsewhere holds, each followed as a client follows it. The readers ask the local
model without a pause, which is more than people do: where two cores are all there is, their turns take them both.
"""

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.figure import Figure
from bench.site import BenchSite, fresh
from demo.film import SCENES, make_film
from demo.tour import PROMPT, RUN_SECONDS
from shared.chat import log
from shared.config import Settings
from shared.domain.chat import ChatSession, ChatTurn, EventKind, TurnStatus
from shared.domain.ids import derived_id
from shared.store import documents
from shared.store.documents import Store

RESTING, READERS = 200, 10
_SECONDS = 15.0  # of each measurement
_OPENING_SECONDS = 60.0
_PAUSE = 0.03  # between two calls of whoever uses the API beside the streams
_QUESTIONS = ("Where do apples cost three dollars?", "Which scene shows a space station?", "Is there a submarine?")


@dataclass
class Seen:
    """What the readers and the user of the API saw; seconds. `faults` in words."""

    calls: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run() -> list[Figure]:
    with fresh() as site:
        index_id = _library(site)
        session_ids = _turns_at_work(site, RESTING)
        alone = asyncio.run(_measure(site, index_id, [], 0))
        resting = asyncio.run(_measure(site, index_id, session_ids, 0))
        both = asyncio.run(_measure(site, index_id, session_ids, READERS))
    faults = [fault for seen in (alone, resting, both) for fault in seen.faults]
    for fault in faults[:5]:
        print(fault)
    return [
        *_calls("no stream open", alone, ""),
        *_calls(f"{RESTING} streams open", resting, "< 50"),
        *_calls(f"{RESTING} open and {READERS} active", both, "< 150"),
        Figure(f"first event of a turn, p95, {RESTING} open and {READERS} active", _p95(both.firsts) * 1000, "ms", "< 300"),
        Figure("  p50", statistics.median(both.firsts) * 1000, "ms"),
        Figure("  a whole turn, p50", statistics.median(both.turns) * 1000, "ms"),
        Figure("  turns answered", float(len(both.turns)), ""),
        Figure("  streams and calls that failed", float(len(faults)), "", "<= 0"),
    ]


def _calls(when: str, seen: Seen, aim: str) -> list[Figure]:
    return [
        Figure(f"GET /indexes/{{id}}, p95, {when}", _p95(seen.calls) * 1000, "ms", aim),
        Figure(f"  p50 of {len(seen.calls)}", statistics.median(seen.calls) * 1000, "ms"),
    ]


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def _library(site: BenchSite) -> str:
    """An index with a short film that a run has looked at."""
    api = site.api()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            make_film(path, (640, 360), SCENES[:3])
            index_id = str(api.index("Measured")["index_id"])
            video = api.upload(path, "Film", index_id)
        run_ = api.execute(api.prompt(PROMPT)["prompt_id"], video["video_id"])
        ended = api.watch(run_["run_id"], lambda _: None, RUN_SECONDS)
        if ended["status"] != "completed":
            raise RuntimeError(f"the run ended {ended['status']}: {ended['error_message']}")
    finally:
        api.close()
    return index_id


def _turns_at_work(site: BenchSite, count: int) -> list[str]:
    """Sessions with one turn each, held by a worker that waits for its model and renews its lease: nobody takes them over."""
    environment = site.environment()
    for name in ("FIRESTORE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        os.environ[name] = environment[name]  # read by Google's clients themselves
    store = documents.connect(Settings.from_env(environment))
    tenant = next(iter(store.db.collection("tenants").list_documents())).id  # a fresh site has one
    return [_turn_at_work(store, tenant, number) for number in range(count)]


def _turn_at_work(store: Store, tenant: str, number: int) -> str:
    now = store.clock()
    session_id, later = derived_id("session", "measured", number), now + timedelta(hours=1)
    stamps: dict[str, Any] = {
        "created_at": now,
        "updated_at": now,
        "tenant": tenant,
        "session_id": session_id,
        "user_id": "bench",
    }
    turn = ChatTurn(
        **stamps,
        turn_id=derived_id("turn", session_id),
        message="Look.",
        owner=tenant,
        index_ids=[""],
        model="gemini-2.5-flash",
        status=TurnStatus.PROCESSING.value,
        attempt=1,
        lease_until=later,
        wake_at=later,
    )
    batch = store.batch()
    turn.last_sequence = log.append(batch, turn, [(EventKind.TURN_STARTED, {"user_message": "Look."})], now)
    batch.create(ChatSession(**stamps, title=""))
    batch.create(turn)
    batch.commit()
    return session_id


async def _measure(site: BenchSite, index_id: str, resting: Sequence[str], readers: int) -> Seen:
    crowd = _Crowd(index_id)
    key = {"X-API-Key": site.credentials["api_key"]}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    address = site.credentials["base_url"]
    async with httpx.AsyncClient(base_url=address, headers=key, timeout=60, limits=limits, trust_env=False) as client:
        following = [asyncio.create_task(crowd.follow(client, one)) for one in resting]
        await crowd.all_open(len(resting))
        if readers:  # the clients and models that a first turn has to load are no part of this
            await crowd.warm_up(client)
        asking = [asyncio.create_task(crowd.read(client)) for _ in range(readers)]
        await asyncio.to_thread(crowd.use_the_api, address, key)
        crowd.over = True
        await asyncio.gather(*asking)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    return crowd.seen


class _Crowd:
    """Those who use the site at the same time, until `over`."""

    def __init__(self, index_id: str) -> None:
        self.seen = Seen()
        self.over = False
        self._index_id = index_id
        self._open = 0

    async def all_open(self, count: int) -> None:
        ends = time.monotonic() + _OPENING_SECONDS
        while self._open < count:
            if time.monotonic() > ends or self.seen.faults:
                raise RuntimeError(f"{self._open} of {count} streams opened: {self.seen.faults[:3]}")
            await asyncio.sleep(0.05)

    async def follow(self, client: httpx.AsyncClient, session_id: str) -> None:
        """A stream that stays open; one that ends by itself is a fault."""
        path = f"/chat/sessions/{session_id}/turns/{derived_id('turn', session_id)}/stream"
        try:
            async with client.stream("GET", path) as stream:
                stream.raise_for_status()
                async for line in stream.aiter_lines():
                    self._open += line == "event: turn_started"
            self.seen.faults.append("a resting stream ended")
        except httpx.HTTPError as error:
            self.seen.faults.append(f"a resting stream: {error!r}")

    async def warm_up(self, client: httpx.AsyncClient) -> None:
        """Each question once, uncounted."""
        session = await self._session(client)
        for question in _QUESTIONS:
            await self._ask(client, session, question)
        self.seen.firsts.clear()
        self.seen.turns.clear()

    async def _session(self, client: httpx.AsyncClient) -> str:
        return str((await client.post("/chat/sessions", json={"title": ""})).json()["session_id"])

    async def read(self, client: httpx.AsyncClient) -> None:
        """Asks one turn after the other and reads each to its end."""
        session = await self._session(client)
        for question in itertools.cycle(_QUESTIONS):
            if self.over:
                return
            try:
                await self._ask(client, session, question)
            except (httpx.HTTPError, ValueError) as error:
                self.seen.faults.append(f"a turn: {error!r}")
                return

    async def _ask(self, client: httpx.AsyncClient, session_id: str, question: str) -> None:
        body = {"message": question, "scope": {"index_ids": [self._index_id]}}
        begun, first, last = time.perf_counter(), 0.0, ""
        async with client.stream("POST", f"/chat/sessions/{session_id}/turns/stream", json=body) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    first = first or time.perf_counter() - begun
                    last = line.removeprefix("event: ")
        if last != "turn_completed":
            raise ValueError(f"it ended with {last or 'nothing'}")
        self.seen.firsts.append(first)
        self.seen.turns.append(time.perf_counter() - begun)

    def use_the_api(self, address: str, key: dict[str, str]) -> None:
        """One call after the other with a short pause, in a thread of its own: the streams' loop must not be what is measured."""
        ends = time.monotonic() + _SECONDS
        with httpx.Client(base_url=address, headers=key, timeout=60, trust_env=False) as client:
            while time.monotonic() < ends:
                begun = time.perf_counter()
                try:
                    client.get(f"/indexes/{self._index_id}").raise_for_status()
                except httpx.HTTPError as error:
                    self.seen.faults.append(f"a call: {error!r}")
                self.seen.calls.append(time.perf_counter() - begun)
                time.sleep(_PAUSE)
