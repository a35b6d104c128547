"""What the local model cites of the evidence in hand: what answers, not what merely lies near it."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from emulators.vertex.embeddings.engine import Embedding, EmbeddingEngine
from emulators.vertex.generate import conversing
from emulators.vertex.generate.planning import next_move
from emulators.vertex.generate.talk import Talk, Tool, Use, read_talk


def tool(name: str, *takes: str) -> Tool:
    return Tool(name, {"properties": {key: {} for key in takes}})


TOOLS = [tool("search_media", "query"), tool("get_segments", "video_id", "from_seconds")]


def row(ref: str, text: str, start: float, end: float) -> dict[str, object]:
    return {"ref": ref, "title": "Film", "text": text, "start": start, "end": end, "score": 1.0, "video_id": "v", "run_id": "r"}


def said(question: str, name: str, *rows: dict[str, object], near: float = 0.5) -> list[str]:
    """The refs that the answer cites, in its order."""

    def nearness(_: str, others: Sequence[str]) -> list[float]:
        return [near] * len(others)

    talk = Talk(question, TOOLS, may_call=False, uses=[Use(name, {}, {"results": list(rows)})])
    return [line.rpartition("[")[2].rstrip("]") for line in next_move(talk, nearness).text.splitlines()]


def test_a_result_that_holds_half_of_what_was_asked_is_not_cited_beside_one_that_holds_all() -> None:
    rows = [row("r1", "A carpenter saws a plank in Oslo", 0, 10), row("r2", "A carpenter saws a plank in Lisbon", 10, 20)]
    assert said("Where is a carpenter sawing in Lisbon?", "search_media", *rows) == ["r2"]


def test_results_that_answer_alike_are_all_cited() -> None:
    rows = [row(f"r{n}", "A carpenter saws a plank in Lisbon", 10 * n, 10 * n + 10) for n in (1, 2)]
    assert said("Where is a carpenter sawing in Lisbon?", "search_media", *rows) == ["r1", "r2"]


@pytest.mark.parametrize(("question", "cited"), [("What happens after that?", ["r1"]), ("What happens before that?", ["r3"])])
def test_what_follows_or_precedes_is_what_lies_next(question: str, cited: list[str]) -> None:
    rows = [row(f"r{n}", f"Scene {n}", 10.0 * n, 10.0 * n + 10) for n in (1, 2, 3)]
    assert said(question, "get_segments", *rows) == cited


def test_of_short_segments_more_than_one_lies_next() -> None:
    rows = [row(f"r{n}", f"Scene {n}", 4.0 * n, 4.0 * n + 4) for n in (1, 2, 3, 4)]
    assert said("And before that?", "get_segments", *rows) == ["r2", "r3", "r4"]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Where is a surgeon washing hands before an operation?", ["search_media"]),
        ("Find the fans cheering after the final whistle.", ["search_media"]),
        ("What happens after the final whistle?", ["search_media", "get_segments"]),
        ("What does the surgeon do before an operation?", ["search_media", "get_segments"]),
        ("After the final whistle, what is shown?", ["search_media", "get_segments"]),
        ("Show me the scene before the operation.", ["search_media", "get_segments"]),
    ],
)
def test_a_moment_before_or_after_is_looked_up_only_where_it_is_what_is_asked_for(question: str, wanted: list[str]) -> None:
    found = row("r1", "A surgeon washing hands before an operation, fans cheering after the final whistle", 10, 20)
    talk, called = Talk(question, TOOLS, may_call=True), []
    while (move := next_move(talk, lambda _, others: [0.6] * len(others))).calls:
        called += [name for name, _ in move.calls]
        talk = replace(talk, uses=[*talk.uses, *(Use(name, given, {"results": [found]}) for name, given in move.calls)])
    assert called == wanted


def test_results_that_hold_the_same_words_are_told_apart_by_what_else_they_say() -> None:
    """The town stands in all of them; of the rest, only one is near what was asked."""
    near = {"A barn on fire": 0.5, "A loaf of bread": 0.3, "Nets on a quay": 0.2}

    def nearness(text: str, others: Sequence[str]) -> list[float]:
        return [0.45 if "Oslo" in one else near[one.removesuffix(" in")] for one in others]

    rows = [row(f"r{n}", f"{text} in Oslo", 0, 10) for n, text in enumerate(reversed(near), 1)]
    talk = Talk("Find a blaze in Oslo.", TOOLS, may_call=False, uses=[Use("search_media", {}, {"results": rows})])
    assert next_move(talk, nearness).text == "Film, 00:00–00:10: “A barn on fire in Oslo” [r3]"


def test_of_what_holds_no_word_of_the_question_all_that_mean_it_alike_are_cited() -> None:
    rows = [row(f"r{n}", f"A nurse bandaging a knee, take {n}", 10 * n, 10 * n + 10) for n in (1, 2)]
    assert said("Somebody dressing an injury", "search_media", *rows, near=0.6) == ["r1", "r2"]


def test_a_text_that_was_compared_before_is_not_embedded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Counted(EmbeddingEngine):
        def texts(self, texts: Sequence[str], dimensions: int) -> list[Embedding]:
            asked.extend(texts)
            return super().texts(texts, dimensions)

    monkeypatch.setattr(conversing, "MOST_KEPT", 3)
    nearness = conversing.by_meaning(Counted(time.time))
    first = nearness("a barn", ["a fire", "a loaf", "a fire"])
    assert nearness("a barn", ["a loaf", "a fire"]) == pytest.approx([first[1], first[0]])
    assert asked == ["a barn", "a fire", "a loaf"]
    nearness("a net", ["a fire"])
    nearness("a barn", ["a fire"])
    assert asked[3:] == ["a net", "a barn"], "only so many are kept, those used last"


def test_what_is_pointed_at_is_what_was_cited_last_whatever_was_answered_since() -> None:
    cited = "Here. [1]\nIts citations:\n(1) video_id=v prompt_run_id=r from_seconds=10.0 to_seconds=20.0 title='Film'"
    spoken = [("user", "Who talks about apples?"), ("model", cited), ("user", "And after that?"), ("model", "Nothing.")]
    contents = [{"role": role, "parts": [{"text": text}]} for role, text in [*spoken, ("user", "And what came before that?")]]
    declared = [{"name": tool.name, "parameters": tool.parameters} for tool in TOOLS]
    talk = read_talk({"contents": contents, "tools": [{"functionDeclarations": declared}]})
    [(name, asked)] = next_move(talk, lambda _, others: [0.0] * len(others)).calls
    assert (name, asked["video_id"], asked["from_seconds"], asked["to_seconds"]) == ("get_segments", "v", 0.0, 10.0)
