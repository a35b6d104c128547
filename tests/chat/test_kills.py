"""Workers that die on a turn: another goes on behind what was stored, and the turn reads as if nobody had died."""

import random
from typing import Any

import pytest

from shared.domain.chat import TurnStatus
from tests.chat.test_streams import ANSWERS, assert_grammar
from tests.chat.test_turns import station
from tests.chat.world import ChatWorld, scripted, steps_so_far
from tests.pipeline.mortality import Call, Death, Mortality


def story(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What a reader sees of the log, without its times."""
    return [(e["sequence"], e["type"], e.get("tool_call_id"), e.get("status"), e.get("state"), e.get("delta")) for e in events]


def run(chat: ChatWorld) -> tuple[dict[str, Any], list[int]]:
    """A turn brought to its end, and for each answer of the model which step it was asked for."""
    asked: list[int] = []
    answers = scripted(*ANSWERS)

    def say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.append(steps_so_far(body))
        return answers(body)

    chat.gemini.say = say
    session, begun = chat.session(), chat.clock()
    chat.begin(session, "Look around.")
    ended = 0
    while ended < 2 and chat.clock() < begun + 900:  # once more behind its end, where nothing may happen any more
        chat.world.deliver()
        [turn] = chat.stored(session)
        ended += TurnStatus(turn.status).is_terminal
        chat.clock.advance(130)
        chat.world.tick()
    return {**chat.last(session), "log": chat.log(turn), "kept": [step.number for step in chat.steps(turn)]}, asked


@pytest.mark.parametrize("kills", [12, pytest.param(50, marks=pytest.mark.long)])
def test_a_turn_survives_the_death_of_its_worker_at_every_write(mortal: tuple[ChatWorld, Mortality], kills: int) -> None:
    """At every write, before and after it, and again at random ones up to so many."""
    chat, mortality = mortal
    station(chat)
    mortality.begin()
    plain, _ = run(chat)
    writes = [one for one in mortality.calls if one.stage == "run-turn" and one.operation == "firestore.Commit"]
    assert len(writes) >= 6
    deaths = [Death(Call("run-turn", one.operation, one.number), moment) for one in writes for moment in ("before", "after")]
    chance = random.Random(3)
    died = 0
    for death in [*deaths, *chance.choices(deaths, k=max(0, kills - len(deaths)))]:
        mortality.begin(death)
        turn, asked = run(chat)
        if mortality.doom is not None:  # this turn's log was written in fewer blocks
            continue
        died += 1
        assert turn["status"] == "completed", str(death)
        assert_grammar(turn["log"])
        assert turn["kept"] == [1, 2, 3]
        assert story(sorted(turn["log"], key=lambda e: e["sequence"]))[-1][1] == "turn_completed"
        assert turn["assistant_message"]["content"] == plain["assistant_message"]["content"], str(death)
        # a step is asked for again only where its answer never came to be stored
        assert len(asked) <= 4 and sorted(set(asked)) == [0, 1, 2], str(death)
        assert len(asked) == 3 or death.moment == "before", str(death)
    assert died >= 8


def test_a_turn_whose_worker_died_goes_on_within_half_a_minute(mortal: tuple[ChatWorld, Mortality]) -> None:
    """Somebody looks at its stream: the queue's next delivery takes it over as soon as the short lease is over."""
    chat, mortality = mortal
    station(chat)
    chat.gemini.say = scripted(*ANSWERS)
    session = chat.session()
    mortality.begin(Death(Call("run-turn", "firestore.Commit", 3), "after"))
    chat.begin(session, "Look around.")
    chat.world.deliver(horizon=30)
    [turn] = chat.stored(session)
    assert mortality.doom is None and (turn.status, turn.attempt) == ("completed", 2)
    assert_grammar(chat.log(turn))
