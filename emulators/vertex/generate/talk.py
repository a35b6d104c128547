"""A talk with tools, as a `generateContent` request tells it: the question, what was said before, what tools brought since."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emulators.vertex.answers import ApiError, field_of

_CITED_BEFORE = re.compile(
    r"\((\d+)\) video_id=(\S+) prompt_run_id=(\S+) from_seconds=(\d+(?:\.\d+)?) to_seconds=(\d+(?:\.\d+)?|None)"
)


@dataclass(frozen=True)
class Tool:
    """A declared function by the shape of its parameters: what it is called is its owner's affair."""

    name: str
    parameters: dict[str, Any]

    @property
    def takes(self) -> set[str]:
        return set(self.parameters.get("properties") or {})

    @property
    def needs(self) -> set[str]:
        return set(self.parameters.get("required") or [])


@dataclass(frozen=True)
class Row:
    """One result that a tool brought."""

    ref: str
    title: str
    text: str
    start: float | None
    end: float | None
    score: float
    video_id: str
    run_id: str


@dataclass(frozen=True)
class Use:
    """A call and what came of it."""

    name: str
    arguments: dict[str, Any]
    answer: dict[str, Any]

    @property
    def rows(self) -> list[Row]:
        results = self.answer.get("results")
        return [_row(one) for one in results if isinstance(one, dict) and one.get("ref")] if isinstance(results, list) else []


@dataclass(frozen=True)
class CitedBefore:
    """A citation of an earlier answer, as it was told to be looked up again."""

    number: int
    video_id: str
    run_id: str
    start: float
    end: float


@dataclass(frozen=True)
class Talk:
    question: str
    tools: list[Tool]
    may_call: bool
    uses: list[Use] = field(default_factory=list)
    before: list[str] = field(default_factory=list)  # the user's earlier questions
    cited_before: list[CitedBefore] = field(default_factory=list)  # of the last answer that cited

    def tool(self, *takes: str) -> Tool | None:
        """The first that takes these."""
        return next((one for one in self.tools if set(takes) <= one.takes), None)

    def used(self, tool: Tool | None) -> list[Use]:
        return [one for one in self.uses if tool is not None and one.name == tool.name]


def read_talk(body: dict[str, Any]) -> Talk:
    """Raises `ApiError` (400) for what production refuses: a call without its answer, or answers that nobody asked for."""
    config = field_of(field_of(body, "toolConfig") or {}, "functionCallingConfig") or {}
    mode = str(config.get("mode") or "AUTO").upper()
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise ApiError(400, "contents must hold at least one entry.")
    at = max((n for n, one in enumerate(contents) if _said(one, "user")), default=None)
    if at is None:
        raise ApiError(400, "contents must hold a question in words.")
    earlier = contents[:at]
    answers = [_said(one, "model") for one in earlier]
    return Talk(
        question=_said(contents[at], "user"),
        tools=list(_declared(body)),
        may_call=mode != "NONE",
        uses=_uses(contents[at + 1 :]),
        before=[text for one in earlier if (text := _said(one, "user"))],
        cited_before=next((found for text in reversed(answers) if (found := _cited(text))), []),
    )


def _declared(body: dict[str, Any]) -> Iterator[Tool]:
    for tool in body.get("tools") or []:
        functions = field_of(tool, "functionDeclarations") if isinstance(tool, dict) else None
        if not functions:
            raise ApiError(501, "only function declarations are offered as tools here.")
        for one in functions:
            schema = field_of(one, "parametersJsonSchema") or one.get("parameters") or {}
            yield Tool(str(one.get("name")), schema if isinstance(schema, dict) else {})


def _parts(content: Any) -> list[dict[str, Any]]:
    parts = content.get("parts") if isinstance(content, dict) else None
    return [one for one in parts if isinstance(one, dict)] if isinstance(parts, list) else []


def _said(content: Any, role: str) -> str:
    if not isinstance(content, dict) or content.get("role", "user") != role:
        return ""
    return "\n".join(part["text"] for part in _parts(content) if isinstance(part.get("text"), str) and not part.get("thought"))


def _uses(contents: list[Any]) -> list[Use]:
    uses: list[Use] = []
    open_calls: list[dict[str, Any]] = []
    for content in contents:
        calls = [call for part in _parts(content) if (call := field_of(part, "functionCall")) is not None]
        answers = [said for part in _parts(content) if (said := field_of(part, "functionResponse")) is not None]
        if answers:
            if [one.get("name") for one in answers] != [one.get("name") for one in open_calls]:
                raise ApiError(
                    400,
                    "Please ensure that the number of function response parts is equal to the number of function call parts "
                    "of the function call turn.",
                )
            pairs = zip(open_calls, answers, strict=True)
            uses += [Use(str(c.get("name")), c.get("args") or {}, a.get("response") or {}) for c, a in pairs]
            open_calls = []
        if calls:
            open_calls = calls
    if open_calls:
        raise ApiError(400, "A function call was not answered.")
    return uses


def _row(result: dict[str, Any]) -> Row:
    def number(name: str) -> float | None:
        value = result.get(name)
        return float(value) if isinstance(value, int | float) else None

    texts = {name: str(result.get(name) or "") for name in ("ref", "title", "text", "video_id", "prompt_run_id")}
    return Row(
        texts["ref"],
        texts["title"],
        texts["text"],
        number("start"),
        number("end"),
        number("score") or 0.0,
        texts["video_id"],
        texts["prompt_run_id"],
    )


def _cited(answer: str) -> list[CitedBefore]:
    found = []
    for number, video_id, run_id, start, end in _CITED_BEFORE.findall(answer):
        begins = float(start)
        found.append(CitedBefore(int(number), video_id, run_id, begins, begins if end == "None" else float(end)))
    return found
