"""What a tool answers: an object, of a size that a model can take in, and errors that say how to do better."""

import json
from collections.abc import Iterator
from typing import Any

from functions.api.mcp.calling import Refused
from functions.api.mcp.table import TOOLS
from functions.api.mcp.tools import Tool

MOST_BYTES = 80_000  # of an answer as JSON, some 20,000 tokens: several clients refuse more than 25,000
_LONG, _SHORT = 1_500, 300  # characters that a long text is cut to, at first and if that does not do
_MOST_ERROR = 4_000
_NO_TOOL = {  # calls that cures name and no tool makes: where a tool shows the same
    "GET /exports": "what export_prompt_run or export_index_metadata answered",
    "GET /chat/sessions": "what ask_library answered; without session_id it begins a new conversation",
}


class TooLong(Refused):
    pass


def shaped(tool: Tool, answer: Any) -> dict[str, Any]:
    """The answer as the tool's own schema has it."""
    if tool.name == "list_indexes":
        own = [one for one in answer if not one.get("is_default")]
        return {"total_indexes": len(answer), "user_indexes": own, "default_indexes": [o for o in answer if o.get("is_default")]}
    if tool.name == "list_prompt_runs":
        page = answer if isinstance(answer, dict) else {"data": answer, "pagination": {"has_more": False, "next_cursor": None}}
        runs, more = page["data"], page["pagination"]
        return {"prompt_runs": runs, "count": len(runs), "has_more": more["has_more"], "next_cursor": more["next_cursor"]}
    if tool.wraps:
        return {tool.wraps: answer, "count": len(answer)}
    return dict(answer)


def fitted(tool: Tool, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer itself, or one within the limit that says what was left out. Raises `TooLong` where nothing helps."""
    if _size(answer) <= MOST_BYTES:
        return answer
    listed = tool.wraps or tool.items
    for longest in (_LONG, _SHORT):
        cut = {name: _cut(value, longest) for name, value in answer.items()}
        note = f"Texts longer than {longest} characters were cut; GET {tool.path} of the API has them whole."
        if _size({**cut, "note": note}) <= MOST_BYTES:
            return {**cut, "note": note}
        if listed and isinstance(cut.get(listed), list):
            kept = _how_many(cut, listed)
            if kept:
                return _shortened(tool, cut, listed, kept)
    raise TooLong("answer_too_long", f"the answer is longer than {MOST_BYTES} bytes; {_narrower(tool)}")


def _shortened(tool: Tool, answer: dict[str, Any], listed: str, kept: int) -> dict[str, Any]:
    left_out = len(answer[listed]) - kept
    short = {**answer, listed: answer[listed][:kept], "omitted": left_out}
    if "count" in short:
        short["count"] = kept
    sized = next((one.name for one in tool.arguments if one.name in ("limit", "page_size", "top_k")), "")
    again = f"ask again with {sized}={kept}, and go on from there" if sized else _narrower(tool)
    paged = " (the cursor of this answer goes on behind what was left out)" if sized and "cursor" in tool.takes else ""
    short["note"] = f"{left_out} of {kept + left_out} entries were left out, and long texts cut, for length: {again}{paged}."
    return short


def _narrower(tool: Tool) -> str:
    return f"ask for less, or read GET {tool.path} of the API itself" if tool.method == "GET" else "ask for less"


def _how_many(answer: dict[str, Any], listed: str) -> int:
    """How many of the list fit beside the rest."""
    left = MOST_BYTES - _size({**answer, listed: []}) - 500
    for n, item in enumerate(answer[listed]):
        left -= _size(item) + 1
        if left < 0:
            return n
    return len(answer[listed])


def _cut(value: Any, longest: int) -> Any:
    """Long texts end in … there; addresses stay whole, since half of one is none."""
    if isinstance(value, str):
        return value if len(value) <= longest or value.startswith(("http://", "https://")) else value[: longest - 1] + "…"
    if isinstance(value, list):
        return [_cut(one, longest) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one, longest) for name, one in value.items()}
    return value


def as_text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _size(value: Any) -> int:
    return len(as_text(value).encode("utf-8", "surrogatepass"))


def explained(refused: Refused) -> str:
    """The error in the API's words, with what to do about it in those of the tools."""
    lines = [f"{refused.code}: {refused.message}"]
    errors = refused.details.get("errors") if isinstance(refused.details, dict) else None
    if isinstance(errors, list) and len(errors) > 1:
        told = [(str(one.get("field", "")), str(one.get("message", ""))) for one in errors[:10] if isinstance(one, dict)]
        lines += [f"- {field}: {said}" for field, said in told if not _says(refused.message, field, said)]
    if isinstance(refused.details, dict) and refused.code == "insufficient_scope":
        lines.append(f"This tool needs the scope {refused.details.get('required_scope')}; the credential has another.")
    elif refused.code == "validation_failed":
        lines.append("Mend that argument and call again." if not errors or len(errors) == 1 else "Mend these and call again.")
    elif refused.cure:
        lines.append(_in_tools(refused.cure))
    if refused.retry_after:
        lines.append(f"Wait {refused.retry_after} seconds before trying again.")
    if refused.request_id:
        lines.append(f"(request {refused.request_id})")
    text = "\n".join(lines)
    return text if len(text) <= _MOST_ERROR else text[: _MOST_ERROR - 1] + "…"


def _says(message: str, field: str, said: str) -> bool:
    return f"{field}: {said}" in message or f"{field} {said}" in message


def _in_tools(cure: str) -> str:
    for call, name in (*_names(), *_NO_TOOL.items()):
        cure = cure.replace(call, name)
    return cure


def _names() -> Iterator[tuple[str, str]]:
    """Longest first, so that the call of a part is not taken for that of the whole."""
    yield from sorted(((tool.calls, name) for name, tool in TOOLS.items() if name != "ask_library"), key=lambda one: -len(one[0]))
