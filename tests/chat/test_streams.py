"""What a client can rely on of a stream: its grammar, that a cut costs nothing, that a turn is worked on once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chat.test_turns import station
from tests.chat.world import ChatWorld, call, events_of, say, scripted, text, whole

ANSWERS = (
    say(call("search_media", query="reporter"), call("search_media", query="onions")),
    say(call("get_segments", video_id="vid_x"), call("describe_scope")),
    say(text("A reporter stands outside. [r1] Onions are cut. [r2, r9] And that is all there is to say about it. " * 6)),
)


def assert_grammar(events: list[dict[str, Any]]) -> None:
    """One start, a result for each call, one end, no gap."""
    kinds = [event["type"] for event in events]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert kinds[0] == "turn_started" and kinds.count("turn_started") == 1
    assert kinds[-1] in ("turn_completed", "error")
    assert sum(kind in ("turn_completed", "error") for kind in kinds) == 1
    started = [event["tool_call_id"] for event in events if event["type"] == "tool_call_started"]
    ended = [event["tool_call_id"] for event in events if event["type"] == "tool_call_result"]
    assert sorted(started) == sorted(ended) and len(set(started)) == len(started)
    for call_id in started:
        first = next(n for n, e in enumerate(events) if e.get("tool_call_id") == call_id)
        assert events[first]["type"] == "tool_call_started"


def without_turn(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "turn"}


PART = st.one_of(
    st.text(max_size=40).map(text),
    st.builds(
        lambda name, arguments: {"functionCall": {"name": name, "args": arguments}},
        st.sampled_from(["search_media", "get_segments", "describe_scope", "query_tables", "nothing", "", "x" * 90]),
        st.dictionaries(
            st.sampled_from(["query", "top_k", "video_id", "fields", "sql", "x"]),
            st.one_of(st.none(), st.integers(-5, 500), st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3)),
            max_size=3,
        ),
    ),
)
REPLY = st.one_of(
    st.lists(PART, min_size=1, max_size=5).map(lambda parts: say(*parts)),
    st.sampled_from(["MALFORMED_FUNCTION_CALL", "SAFETY", "OTHER", "MAX_TOKENS"]).map(lambda finish: say(finish=finish)),
    st.sampled_from([(429, {"error": {"code": 429, "message": "busy"}}), (500, {"error": {"code": 500, "message": "out"}})]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(replies=st.lists(REPLY, min_size=1, max_size=7))
def test_whatever_a_model_does_the_stream_keeps_its_grammar(chat: ChatWorld, replies: list[tuple[int, dict[str, Any]]]) -> None:
    said = iter(replies)
    chat.gemini.say = lambda body: next(said, None) or say(text("Enough."))
    turn = chat.turn(chat.session(), "Look around.")
    assert_grammar(turn["events"])
    assert turn["status"] in ("completed", "failed")
    assert (turn["events"][-1]["type"] == "error") == (turn["status"] == "failed") == (turn["error"] is not None)


async def cut(body: AsyncIterator[bytes], after: int) -> bytes:
    """What a client has when the line breaks behind so many bytes."""
    got = b""
    async with asyncio.timeout(20):
        async for piece in body:
            got += piece
            if len(got) >= after:
                break
    await body.aclose()  # type: ignore[attr-defined]
    return got[:after]


def resume(chat: ChatWorld, session: str, last: int) -> AsyncIterator[bytes]:
    chat.clock.advance(30)  # a budget of requests is no part of this
    headers = {"Idempotency-Key": "k1"} | ({"Last-Event-ID": str(last)} if last else {})
    return chat.begin(session, "Look around.", headers=headers)


@pytest.mark.parametrize("cuts", [25, pytest.param(1_000, marks=pytest.mark.long)])
def test_a_stream_cut_anywhere_and_resumed_is_the_uncut_stream(chat: ChatWorld, cuts: int) -> None:
    station(chat)
    chat.gemini.say = scripted(*ANSWERS)
    session, chance = chat.session(), random.Random(7)
    turn = chat.turn(session, "Look around.", headers={"Idempotency-Key": "k1"})
    log = turn["events"]
    asked = len(chat.gemini.asked)
    size = len(asyncio.run(whole(resume(chat, session, 0))))
    for _ in range(cuts):
        received: list[dict[str, Any]] = []
        while not received or received[-1]["type"] not in ("turn_completed", "error"):
            last = received[-1]["sequence"] if received else 0
            events = events_of(asyncio.run(cut(resume(chat, session, last), chance.randint(1, size))))
            if events:
                assert events[0]["type"] == "turn_resumed" and events[0]["from_sequence"] == last
                received += events[1:]
        assert received == log
    assert len(chat.gemini.asked) == asked and len(chat.stored(session)) == 1


def test_a_stream_cut_while_the_turn_runs_loses_nothing(chat: ChatWorld) -> None:
    """At every point of the turn's life somebody comes, reads what there is, and goes again."""
    station(chat)
    chat.gemini.say = scripted(*ANSWERS)
    session = chat.session()
    chat.begin(session, "Look around.", headers={"Idempotency-Key": "k1"})
    seen: list[list[dict[str, Any]]] = []

    async def look() -> None:
        body = resume(chat, session, 0)
        got = b""
        try:
            async with asyncio.timeout(0.05):
                async for piece in body:
                    got += piece
        except TimeoutError:
            pass
        await body.aclose()  # type: ignore[attr-defined]
        seen.append([event for event in events_of(got) if event["type"] != "turn_resumed"])

    original = chat.gemini.say

    def look_then_say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asyncio.run(look())
        return original(body)

    chat.gemini.say = look_then_say
    chat.world.deliver()
    log = events_of(asyncio.run(whole(resume(chat, session, 0))))[1:]
    assert_grammar(log)
    assert len(seen) == 3
    for early in seen:
        assert early and early == log[: len(early)]


@pytest.mark.parametrize("where", ["Idempotency-Key", "X-Idempotency-Key", "body"])
def test_the_same_key_is_the_same_turn_wherever_it_stands(chat: ChatWorld, where: str) -> None:
    chat.gemini.say = scripted(say(text("Here.")))
    session = chat.session()
    rest: dict[str, Any] = {"idempotency_key": "k1"} if where == "body" else {"headers": {where: "k1"}}
    first, again = chat.turn(session, "Hello", **rest), chat.turn(session, "Hello", **rest)
    assert first["turn_id"] == again["turn_id"] and len(chat.gemini.asked) == 1
    assert again["events"][0]["type"] == "turn_resumed" and again["events"][0]["owner"] == "replayed"
    assert again["events"][1:] == first["events"]


def test_a_key_names_one_question(chat: ChatWorld) -> None:
    session = chat.session()
    path = f"/chat/sessions/{session}/turns/stream"
    chat.begin(session, "Hello", idempotency_key="k1")
    other = chat.ask("POST", path, {"message": "Another", "idempotency_key": "k1"})
    assert (other.status, other.error) == (422, "idempotency_key_reused")
    both = chat.ask("POST", path, {"message": "Hello", "idempotency_key": "k1"}, headers={"X-Idempotency-Key": "k2"})
    assert (both.status, both.error) == (400, "invalid_idempotency_key")
    assert chat.ask("POST", path, {"message": "Hello", "idempotency_key": "a b"}).status == 400


def test_a_place_the_log_never_had_is_refused(chat: ChatWorld) -> None:
    session = chat.session()
    chat.begin(session, "Hello", idempotency_key="k1")
    path = f"/chat/sessions/{session}/turns/stream"
    for said in ("99", "x", "-1"):
        answer = chat.ask("POST", path, {"message": "Hello", "idempotency_key": "k1"}, headers={"Last-Event-ID": said})
        assert (answer.status, answer.error) == (422, "validation_failed")


def test_a_turn_whose_message_was_lost_ends_all_the_same(chat: ChatWorld) -> None:
    chat.gemini.say = scripted(say(text("Here.")))
    session = chat.session()
    chat.begin(session, "Hello")
    assert chat.world.lose("run-turn") == 1
    chat.clock.advance(120)
    chat.world.tick()
    chat.world.deliver()
    assert chat.last(session)["status"] == "completed"


def test_a_client_that_comes_again_finds_a_worker_for_its_turn(chat: ChatWorld) -> None:
    chat.gemini.say = scripted(say(text("Here.")))
    session = chat.session()
    chat.begin(session, "Hello", idempotency_key="k1")
    chat.world.lose("run-turn")
    body = chat.begin(session, "Hello", idempotency_key="k1")
    chat.world.deliver()
    events = events_of(asyncio.run(whole(body)))
    assert events[0]["owner"] == "attached" and events[-1]["type"] == "turn_completed"
    assert json.loads(json.dumps(events)) == events
