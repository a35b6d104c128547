"""One call of a tool, whoever asks for it: the protocol, or the playground."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.api.mcp.arguments import checked, identifier, prepare
from functions.api.mcp.calling import Api, Asked, Refused, Sending
from functions.api.mcp.results import explained, fitted, shaped
from functions.api.mcp.table import TOOLS
from functions.api.mcp.tools import descriptions
from shared import logging

_ASK_SECONDS = 300.0  # a turn that is waited for is answered after 240 at most
_TITLE = 80


@dataclass(frozen=True)
class Outcome:
    """An answer, or what went wrong in words that a model can act upon."""

    answer: dict[str, Any] | None
    error: str = ""
    code: str = ""
    milliseconds: int = 0


async def run(api: Api, asked: Asked, name: str, given: Mapping[str, Any]) -> Outcome:
    """Never raises for what the caller or the API did; `name` is that of a tool."""
    tool, started = TOOLS[name], time.monotonic()
    try:
        if name == "ask_library":
            answer = await _asked_in_its_words(api, asked, given)
        else:
            answer = shaped(tool, await api.send(asked, prepare(tool, descriptions()[name], given, asked)))
        outcome = Outcome(fitted(tool, answer), milliseconds=_since(started))
    except Refused as refused:
        outcome = Outcome(None, explained(refused), refused.code, _since(started))
    logging.info("tool", tool=name, outcome=outcome.code or "ok", milliseconds=outcome.milliseconds, request_id=asked.request_id)
    return outcome


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


async def _asked_in_its_words(api: Api, asked: Asked, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the API finds wrong with a turn, by the names of the tool's arguments."""
    try:
        return await _ask(api, asked, given)
    except Refused as refused:
        refused.message = _of_the_tool(refused.message)
        errors = refused.details.get("errors") if isinstance(refused.details, dict) else None
        if isinstance(errors, list):
            named = [{**one, "field": _of_the_tool(str(one.get("field", "")))} for one in errors if isinstance(one, dict)]
            refused.details = {**refused.details, "errors": named}
        raise


def _of_the_tool(said: str) -> str:
    return re.sub(r"^message\b", "question", said.removeprefix("scope."))


async def _ask(api: Api, asked: Asked, given: Mapping[str, Any]) -> dict[str, Any]:
    """A turn of a chat: of the session that is named, or of a new one."""
    tool = TOOLS["ask_library"]
    values = checked(tool, descriptions()[tool.name], given)
    question, key = values["question"], asked.key_for(tool.name, str(values.get("idempotency_key", "")))
    session = values.get("session_id")
    if session is None:
        title = question[:_TITLE] if isinstance(question, str) else ""
        body = {"title": title.strip()}
        made = await api.send(asked, Sending("POST", "/chat/sessions", body=body, key=f"{key[:240]}:session"))
        session = made["session_id"]
    scope = {name: values[name] for name in ("index_ids", "prompt_run_ids") if name in values}
    turn = {"message": question, **({"scope": scope} if scope else {})}
    path = f"/chat/sessions/{identifier('session_id', session)}/turns"
    return _answered(await api.send(asked, Sending("POST", path, body=turn, key=key, seconds=_ASK_SECONDS)))


def _answered(turn: dict[str, Any]) -> dict[str, Any]:
    message = turn.get("assistant_message")
    if message is None:
        error = turn.get("error") or {}
        said = error.get("message") or f"the turn is {turn['status']}; ask again in the same session"
        raise Refused(str(error.get("code") or "turn_not_answered"), f"{said} (session_id {turn['session_id']})")
    return {
        "answer": message["content"],
        "citations": message["citations"],
        "grounded": message["grounded"],
        "notice": message["notice"],
        "model": message["model"],
        "session_id": turn["session_id"],
        "turn_id": turn["turn_id"],
        "status": turn["status"],
    }
