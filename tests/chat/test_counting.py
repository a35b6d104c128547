"""What turns take of the models stands in the tenant's counts once, however a turn ended and whoever brought it there."""

from datetime import UTC
from typing import Any

from shared.domain.usage import Metric, Tally
from shared.store.usage import Usage
from tests.chat.test_turns import station
from tests.chat.world import ChatWorld, call, say, scripted, text
from tests.pipeline.mortality import Call, Death, Mortality

LOOK, TELL = say(call("search_media", query="reporter")), say(text("There is a reporter. [r1]"))


def counted(chat: ChatWorld) -> Tally:
    month = f"{chat.store.clock().astimezone(UTC):%Y-%m}"
    return Usage(chat.store).of_periods(chat.tenant, [month]).get(month, Tally())


def taken(chat: ChatWorld) -> list[dict[str, Any]]:
    rows = Usage(chat.store).rows(chat.tenant, metric=Metric.INPUT_TOKENS, since=None, until=None, limit=100)
    return [{"turn_id": row.row_id, "about": row.about, **row.metrics} for row in rows]


def test_a_turns_tokens_are_counted_under_its_id_and_by_model(chat: ChatWorld) -> None:
    station(chat)
    session = chat.session()
    chat.gemini.say = scripted(LOOK, TELL)
    turn = chat.turn(session, "Is there a reporter?")
    [row] = taken(chat)
    assert row["about"] == {"session_id": session, "turn_id": turn["turn_id"]} and row["turn_id"] == turn["turn_id"]
    expected = {"model_calls": 2, "input_tokens": 22, "output_tokens": 14}
    assert (turn["stats"]["input_tokens"], turn["stats"]["output_tokens"]) == (22, 14)
    assert counted(chat).metrics == expected
    assert counted(chat).models == {"scripted-model": expected}


def test_a_turn_that_failed_is_counted_for_what_it_had_asked(chat: ChatWorld) -> None:
    station(chat)
    chat.gemini.say = scripted(LOOK, say(finish="SAFETY"))
    assert chat.turn(chat.session(), "Is there a reporter?")["status"] == "failed"
    assert counted(chat).metrics == {"model_calls": 1, "input_tokens": 11, "output_tokens": 7}


def test_a_turn_that_asked_no_model_is_not_counted(chat: ChatWorld) -> None:
    session = chat.session()
    chat.begin(session, "Look.")
    assert chat.ask("POST", f"/chat/sessions/{session}/turns/{chat.stored(session)[0].turn_id}/cancel").status == 200
    chat.world.deliver()
    assert chat.last(session)["status"] == "cancelled" and taken(chat) == [] and not counted(chat)


def test_a_worker_that_dies_at_any_write_makes_no_count_twice(mortal: tuple[ChatWorld, Mortality]) -> None:
    """A step is asked for anew only where it was not stored, and is counted where it was."""
    chat, mortality = mortal
    station(chat)
    chat.gemini.say = scripted(LOOK, TELL)
    mortality.begin()
    chat.turn(chat.session(), "Is there a reporter?")
    writes = [one for one in mortality.calls if one.operation == "firestore.Commit"]
    turns = 1
    for write in writes:
        for moment in ("before", "after"):
            mortality.begin(Death(Call("run-turn", write.operation, write.number), moment))
            session = chat.session()
            chat.begin(session, "Is there a reporter?")
            for _ in range(4):
                chat.world.deliver()
                chat.clock.advance(130)
                chat.world.tick()
            assert chat.last(session)["status"] == "completed"
            turns += 1
    assert turns > 8
    found = counted(chat).metrics
    assert (found["model_calls"], found["input_tokens"], found["output_tokens"]) == (2 * turns, 22 * turns, 14 * turns)
    assert len({row["turn_id"] for row in taken(chat)}) == len(taken(chat)) == turns
