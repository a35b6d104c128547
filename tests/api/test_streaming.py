"""Answers that go on: frames, heartbeats, clean ends, clients that leave."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.http.streaming import Frame, send_stream, sse


class Client:
    """The other end of one ASGI exchange: takes what is sent, and leaves when told."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.leaves = asyncio.Event()
        self._stuck = stuck

    @property
    def text(self) -> str:
        return b"".join(event.get("body", b"") for event in self.sent).decode()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Any) -> None:
        if self._stuck and event["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.sent.append(event)


class Source:
    """Frames of a test; says whether it was closed."""

    def __init__(self, *frames: Frame, then: Any = None) -> None:
        self._frames, self._then = frames, then
        self.closed = False

    async def __call__(self) -> AsyncIterator[Frame]:
        try:
            for frame in self._frames:
                yield frame
            if isinstance(self._then, Exception):
                raise self._then
            if self._then is not None:
                await self._then.wait()
        finally:
            self.closed = True


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def test_an_event_is_one_line_of_json_whatever_is_in_it() -> None:
    frame = Frame({"text": "a\nb\r\n\nid: 9\u2028"}, event="x\ny", id="1\r\n2")
    lines = frame.encode().decode().split("\n")
    assert lines[:2] == ["id: 1  2", "event: x y"]
    assert json.loads(lines[2].removeprefix("data: ")) == {"text": "a\nb\r\n\nid: 9\u2028"}
    assert lines[3:] == ["", ""]


def test_a_stream_begins_with_where_to_resume_and_sends_every_frame() -> None:
    async def play() -> Client:
        client, source = Client(), Source(Frame({"n": 1}, "one", "1"), Frame({"n": 2}, "two", "2"))
        await send_stream(sse(source(), position=lambda: "0"), client.receive, client.send)
        assert source.closed
        return client

    client = asyncio.run(play())
    headers = dict(client.sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert client.text == (
        ': stream\nretry: 3000\nid: 0\n\nid: 1\nevent: one\ndata: {"n":1}\n\nid: 2\nevent: two\ndata: {"n":2}\n\n'
    )
    assert client.sent[-1] == {"type": "http.response.body", "body": b""}


def test_a_quiet_stream_beats_and_a_beat_says_where_it_stands() -> None:
    async def play() -> str:
        client, source = Client(), Source(Frame({"n": 1}, id="7"), then=asyncio.Event())
        sending = asyncio.ensure_future(
            send_stream(sse(source(), position=lambda: "7", heartbeat=0.01), client.receive, client.send)
        )
        await until(lambda: client.text.count(": heartbeat\nid: 7\n\n") >= 2)
        client.leaves.set()
        await sending
        assert source.closed
        return client.text

    assert 'id: 7\ndata: {"n":1}' in asyncio.run(play())


@pytest.mark.parametrize("limit", [{"seconds": 0.05}, {"most_bytes": 20}])
def test_a_stream_ends_cleanly_before_the_platform_cuts_it(limit: dict[str, Any]) -> None:
    async def play() -> Client:
        client, source = Client(), Source(Frame({"n": 1}), Frame({"n": 2}), then=asyncio.Event())
        async with asyncio.timeout(5):
            await send_stream(sse(source(), **limit), client.receive, client.send)
        assert source.closed
        return client

    client = asyncio.run(play())
    assert client.text.endswith("\n\n")
    assert client.sent[-1]["body"] == b"" and not client.sent[-1].get("more_body")


def test_a_fault_behind_a_stream_is_told_as_an_event_without_its_words() -> None:
    async def play() -> str:
        client = Client()
        frames = Source(Frame({"n": 1}), then=RuntimeError("secret path /x"))()
        stream = sse(frames, error_event="processing.stream_error", request_id="req_1")
        await send_stream(stream, client.receive, client.send)
        return client.text

    text = asyncio.run(play())
    assert "event: processing.stream_error\n" in text and '"request_id":"req_1"' in text
    assert "secret" not in text


def test_a_client_that_takes_nothing_is_let_go() -> None:
    async def play() -> None:
        client, source = Client(stuck=True), Source(Frame({"n": 1}), then=asyncio.Event())
        async with asyncio.timeout(5):
            await send_stream(sse(source()), client.receive, client.send, send_seconds=0.05)
        assert [event["type"] for event in client.sent] == ["http.response.start"]  # never ended: the host closes the connection

    asyncio.run(play())
