"""The event stream: every event once, in order, to everybody who may see it, however often the line is cut."""

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.api.events import handlers
from functions.pipeline.sequence_events.sequencing import Deps as SequenceDeps
from functions.pipeline.sequence_events.sequencing import sequence_events
from shared.domain.events import EventLog, EventType, MediaPayload, PromptRunPayload
from shared.http.request import Headers, Request, Response
from shared.messaging.messages import EventHappened
from shared.store import events as rows
from tests.api.test_indexes import tenant_of
from tests.api.world import World, answer_of

PATH = "/api/v2/processing/events/stream"


class Writer:
    """Writes events as stages do, and numbers them as the stage does."""

    def __init__(self, world: World, sub: str = "ada") -> None:
        self.world, self.tenant = world, tenant_of(world, sub)
        self.written = 0

    def write(
        self, count: int = 1, *, video_id: str = "vid_a", run_id: str = "", index_id: str = "", numbered: bool = True
    ) -> None:
        store = self.world.store
        batch = store.batch()
        for _ in range(count):
            self.written += 1
            title = f"film {self.written} \u00fc\u2028\n\ndata: x"
            event, payload = EventType.MEDIA_CREATED, MediaPayload(video_id=video_id, media_type="video", title=title)
            ids = {"tenant": self.tenant, "user_id": "ada", "resource_id": video_id, "video_id": video_id}
            rows.record(store, batch, event, payload, occurrence=self.written, run_id=run_id, index_id=index_id, **ids)
            self.world.clock.advance(0.001)
        batch.commit()
        if numbered:
            sequence_events(EventHappened(tenant=self.tenant, event_id=""), SequenceDeps(store))

    def write_run(self, index_ids: list[str]) -> None:
        store, batch = self.world.store, self.world.store.batch()
        payload = PromptRunPayload(run_id="run_x", prompt_id="prm_x", status="processing", index_ids=index_ids)
        ids = {"tenant": self.tenant, "user_id": "ada", "resource_id": "run_x", "run_id": "run_x", "index_id": index_ids[0]}
        rows.record(store, batch, EventType.PROMPT_RUN_STARTED, payload, occurrence=1, **ids)
        batch.commit()
        sequence_events(EventHappened(tenant=self.tenant, event_id=""), SequenceDeps(store))


def ask(world: World, headers: dict[str, str], last: str | None = None, **query: Any) -> Response:
    sent = headers | ({"Last-Event-ID": last} if last is not None else {})
    return world.apps["events"].handle(Request("GET", PATH, urlencode(query, doseq=True), Headers(sent.items())))


class Browser:
    """Reads a stream as a browser does: an event counts once its blank line is there, and the last id is remembered."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.events: list[tuple[str, str, Any]] = []
        self.beats = 0

    def take(self, text: bytes) -> None:
        *blocks, _ = text.split(b"\n\n")  # what follows the last blank line was cut off
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            self.last = fields.get("id", self.last)
            if "data" in fields:
                self.events.append((self.last or "", fields.get("event", ""), json.loads(fields["data"])))
            else:
                self.beats += 1

    @property
    def titles(self) -> list[int]:
        return [int(data["payload"]["title"].split()[1]) for _, _, data in self.events]


@asynccontextmanager
async def stream(response: Response) -> AsyncIterator[Any]:
    assert response.status == 200, response.body
    body: Any = response.body
    try:
        yield body
    finally:
        await body.aclose()


async def read(response: Response, browser: Browser, *, until: Any, most_bytes: int = 0) -> None:
    """Until the condition holds, or the line is cut after so many bytes; `until` sees what this connection has brought."""
    kept, seen, taken = b"", Browser(), 0
    async with asyncio.timeout(20), stream(response) as body:
        async for piece in body:
            if most_bytes and taken + len(piece) >= most_bytes:
                piece = piece[: most_bytes - taken]
            taken += len(piece)
            whole, end, kept = (kept + piece).rpartition(b"\n\n")
            if end:
                seen.take(whole + end)
                browser.take(whole + end)
            if until(seen) or taken == most_bytes:
                return


def test_a_stream_begins_now_and_tells_what_happens_then(world: World) -> None:
    async def play() -> Browser:
        writer, browser = Writer(world), Browser()
        writer.write(3)
        response = ask(world, world.as_key("read"))
        reading = asyncio.ensure_future(read(response, browser, until=lambda seen: len(seen.events) == 2))
        await asyncio.to_thread(writer.write, 2, run_id="run_a", index_id="idx_a")
        await reading
        return browser

    browser = asyncio.run(play())
    assert [(place, kind) for place, kind, _ in browser.events] == [("4", "media.created"), ("5", "media.created")]
    assert browser.titles == [4, 5]
    data = browser.events[0][2]
    assert set(data) == {
        "event_id", "event_type", "user_id", "run_id", "video_id", "segment_id", "index_id", "created_at", "payload",
    }  # fmt: skip
    assert (data["user_id"], data["run_id"], data["index_id"], data["segment_id"]) == ("ada", "run_a", "idx_a", None)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"video_ids": "vid_a"}, [1, 4]),
        ({"video_ids": ["vid_a", "vid_b"]}, [1, 2, 4]),
        ({"video_ids": "vid_a,vid_b"}, [1, 2, 4]),
        ({"run_id": "run_c"}, [3]),
        ({"index_id": "idx_d"}, [4]),
        ({"event_types": "media.created", "batch_size": 1}, [1, 2, 3, 4]),
    ],
)
def test_filters_narrow_a_replay_too(world: World, query: dict[str, Any], told: list[int]) -> None:
    writer, browser = Writer(world), Browser()
    writer.write(video_id="vid_a")
    writer.write(video_id="vid_b")
    writer.write(video_id="vid_c", run_id="run_c")
    writer.write(video_id="vid_a", index_id="idx_d")
    response = ask(world, world.as_key("read"), "0", **query)
    asyncio.run(read(response, browser, until=lambda seen: len(seen.events) == len(told)))
    assert browser.titles == told


def test_a_run_over_two_indexes_is_told_to_followers_of_either(world: World) -> None:
    writer = Writer(world)
    writer.write_run(["idx_a", "idx_b"])
    for index_id in ("idx_a", "idx_b"):
        browser = Browser()
        response = ask(world, world.as_key("read"), "0", index_id=index_id)
        asyncio.run(read(response, browser, until=lambda seen: seen.events))
        assert browser.events[0][1] == "prompt_run.started"


def test_what_has_no_number_yet_is_not_told(world: World) -> None:
    writer, browser = Writer(world), Browser()
    writer.write(2)
    writer.write(1, numbered=False)
    response = ask(world, world.as_key("read"), "0")
    asyncio.run(read(response, browser, until=lambda seen: len(seen.events) >= 2))
    assert browser.titles == [1, 2]
    writer.write(1)  # numbers the one before as well
    asyncio.run(read(ask(world, world.as_key("read"), "2"), browser, until=lambda seen: len(seen.events) >= 2))
    assert browser.titles == [1, 2, 3, 4]


def test_what_comes_while_a_turn_waits_is_numbered_with_it(world: World) -> None:
    told, writing = Writer(world, "busy"), threading.Lock()
    deps, message = SequenceDeps(world.store, pace=0.5), EventHappened(tenant=told.tenant, event_id="")

    def tell(_: int) -> None:
        with writing:
            told.write(1, numbered=False)
        sequence_events(message, deps)

    tell(0)
    before = world.store.get(EventLog, told.tenant)
    with ThreadPoolExecutor(6) as instance:
        list(instance.map(tell, range(6)))
    after = world.store.get(EventLog, told.tenant)
    assert before is not None and after is not None
    assert after.last_seq - before.last_seq == 6
    assert (after.version >> 32) - (before.version >> 32) <= 2, "commits, which would be one for each event without the wait"


def test_nobody_sees_anothers_events(world: World) -> None:
    async def play() -> Browser:
        theirs, own, browser = Writer(world, "bob"), Writer(world), Browser()
        theirs.write(3)
        response = ask(world, world.as_key("read"), "0")
        reading = asyncio.ensure_future(read(response, browser, until=lambda seen: seen.events))
        await asyncio.to_thread(theirs.write, 3)
        await asyncio.to_thread(own.write, 1)
        await reading
        return browser

    assert asyncio.run(play()).titles == [1]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 19, "\u0663"])
def test_a_place_that_is_no_number_is_refused_before_the_stream(world: World, last: str) -> None:
    answer = answer_of(ask(world, world.as_key("read"), last))
    assert (answer.status, answer.error) == (400, "invalid_request")


def test_a_wrong_filter_is_named(world: World) -> None:
    answer = answer_of(ask(world, world.as_key("read"), event_types="media.invented"))
    assert (answer.status, answer.error) == (422, "validation_failed")


@pytest.mark.parametrize(("last", "code"), [("99", "replay_position_unknown"), ("1", "replay_window_exceeded")])
def test_a_place_the_log_does_not_have_is_told_with_the_next_one(world: World, last: str, code: str) -> None:
    writer, browser = Writer(world), Browser()
    writer.write(5)
    for document in world.store.db.collection(f"tenants/{writer.tenant}/events").stream():
        if document.get("seq") <= 3:  # as the store's expiry does
            document.reference.delete()
    asyncio.run(read(ask(world, world.as_key("read"), last), browser, until=lambda seen: seen.events))
    (_, kind, data), *_ = browser.events
    assert (kind, data["code"]) == (handlers.ERROR_EVENT, code)
    following = Browser()
    if code == "replay_window_exceeded":
        response = ask(world, world.as_key("read"), browser.last)
        asyncio.run(read(response, following, until=lambda seen: len(seen.events) == 2))
        assert following.titles == [4, 5]
    else:
        assert browser.last == "5"
    replayed = Browser()
    asyncio.run(read(ask(world, world.as_key("read"), "0"), replayed, until=lambda seen: len(seen.events) == 2))
    assert replayed.titles == [4, 5]


def test_a_revoked_credential_ends_its_open_stream(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "CHECK_SECONDS", 0.05)
    headers, browser = world.as_key("read"), Browser()
    response = ask(world, headers)
    key = world.call("GET", "/api-keys", None, world.as_owner()).json[0]["key_id"]
    assert world.call("DELETE", f"/api-keys/{key}", None, world.as_owner()).status == 200
    asyncio.run(read(response, browser, until=lambda seen: seen.events))
    assert browser.events[0][1:] == (
        handlers.ERROR_EVENT,
        {"code": "unauthenticated", "message": browser.events[0][2]["message"]},
    )


def test_followers_of_one_tenant_share_one_reader_that_ends_with_the_last(world: World) -> None:
    async def play() -> None:
        writer, headers = Writer(world), world.as_key("read")
        browsers = [Browser() for _ in range(50)]
        readings = [
            asyncio.ensure_future(read(ask(world, headers), browser, until=lambda seen: len(seen.events) == 20))
            for browser in browsers
        ]
        await asyncio.sleep(0)
        while tails.count == 0:
            await asyncio.sleep(0)
        assert tails.count == 1
        await asyncio.to_thread(writer.write, 20)
        await asyncio.gather(*readings)
        assert all(browser.titles == list(range(1, 21)) for browser in browsers)
        assert tails.count == 0

    tails = world.apps["events"]._ready()[1].tails
    asyncio.run(play())


async def cut_and_resume(world: World, cuts: int, events: int, chance: random.Random) -> Browser:
    """A log that grows while one client reads it over a line that is cut at any byte."""
    writer, browser, headers = Writer(world), Browser(), world.as_key("read")
    writer.write(50)
    browser.last = "0"
    made = 0
    while made < cuts or writer.written < events:
        growing = None
        if writer.written < events and chance.random() < 0.5:
            growing = asyncio.ensure_future(asyncio.to_thread(writer.write, min(chance.randint(1, 12), events - writer.written)))
        response = ask(world, headers, browser.last, batch_size=chance.randint(1, 20))
        await read(
            response, browser, until=lambda seen: int(seen.last or 0) >= writer.written, most_bytes=chance.randint(40, 3_000)
        )
        made += 1
        if growing is not None:
            await growing
        world.clock.advance(0.01)
    response = ask(world, headers, browser.last)
    missing = events - len(browser.events)
    if missing:
        await read(response, browser, until=lambda seen: len(seen.events) >= missing)
    return browser


@pytest.mark.parametrize(
    ("cuts", "events"),
    [(40, 300), pytest.param(1_000, 8_000, marks=pytest.mark.long)],
)
def test_no_cut_of_the_line_loses_repeats_or_reorders_an_event(world: World, cuts: int, events: int) -> None:
    browser = asyncio.run(cut_and_resume(world, cuts, events, random.Random(7)))
    assert browser.titles == list(range(1, events + 1))
    assert [int(place) for place, _, _ in browser.events] == list(range(1, events + 1))
