"""What became of a tool call: for the model, for the event, for the turn's trace."""

import re
from typing import Any

from shared.chat.shelf import Brought, Shelf, compact, preview
from shared.chat.tools import ToolError
from shared.domain.chat import TurnStep

_DELTA = re.compile(r"\S+\s*")
_DELTA_CHARS = 160


def outcome_of(call: dict[str, Any], brought: Brought | ToolError, seconds: float, shelf: Shelf) -> dict[str, Any]:
    """`answer` goes back to the model, `event` into the log; the result set is put on the shelf."""
    event = {"tool_call_id": call["tool_call_id"], "name": call["name"], "duration_ms": round(seconds * 1000)}
    if isinstance(brought, ToolError):
        fault = {"code": brought.code, "message": brought.message}
        event |= {"status": "error", "result_count": 0, "result_set_id": None, "preview": [], "error": fault}
        return {"answer": {"error": fault}, "event": event, "result_set": None}
    made = shelf.add(call["tool_call_id"], call["name"], brought)
    count = brought.count
    if count is None:
        count = len(made.get("rows", made["results"])) if made is not None else 0
    answer: dict[str, Any] = dict(brought.told)
    if made is not None:
        answer["results"] = [compact(one) for one in made["results"]]
        answer |= {"cite_as": made["ref"]} if "ref" in made else {}
    if not count:
        answer.setdefault("note", "nothing was found")
    event |= {
        "status": "ok" if count else "empty",
        "result_count": count,
        "result_set_id": made["result_set_id"] if made else None,
        "preview": preview(made),
        "error": None,
    }
    return {"answer": answer, "event": event, "result_set": made}


def trace_of(call: dict[str, Any], step: TurnStep) -> dict[str, Any]:
    """One item of `tool_trace`."""
    outcome = step.outcomes.get(call["tool_call_id"])
    event = (
        outcome["event"] if outcome else {"status": "error", "error": {"code": "turn_ended", "message": "the turn ended first"}}
    )
    return {
        "step": step.number,
        "tool_call_id": call["tool_call_id"],
        "name": call["name"],
        "arguments": call["arguments"],
        "status": event["status"],
        "started_at": call["started_at"],
        "duration_ms": event.get("duration_ms", 0),
        "result_count": event.get("result_count", 0),
        "result_set_id": event.get("result_set_id"),
        "error": event.get("error"),
    }


def deltas(text: str) -> list[str]:
    """The answer in pieces of some words each, which joined are the answer."""
    pieces, piece = [], ""
    for word in _DELTA.findall(text):
        piece += word
        if len(piece) >= _DELTA_CHARS:
            pieces.append(piece)
            piece = ""
    return [*pieces, piece] if piece else pieces
