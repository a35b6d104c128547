"""What the local model cites of the evidence in hand: what answers, not what merely lies near it."""

from collections.abc import Sequence

import pytest

from emulators.vertex.generate.planning import next_move
from emulators.vertex.generate.talk import Talk, Tool, Use


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
