"""Talking with a model that may call tools: one call and its answer, kept exactly as it came.

What the model said goes back to it untouched in the next call: the parts in their order, with the signatures that stand in some
of them. Tools are never run by the client itself, so every call of one is seen.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MALFORMED = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER", "NO_CANDIDATE"})
BLOCKED = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE"})


@dataclass(frozen=True)
class Dialogue:
    """`contents` are plain JSON; `tools` are declarations `{name, description, parameters}`. Without `may_call` the model answers
    in words, though it still knows of the tools it has used."""

    model: str
    system: str
    contents: Sequence[dict[str, Any]]
    tools: Sequence[dict[str, Any]]
    may_call: bool = True


@dataclass(frozen=True)
class ToolCall:
    """`id` is the model's own name for the call, which not every model gives."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


@dataclass(frozen=True)
class Utterance:
    """`finish` is the service's word for why the model stopped; "STOP" where it had said all."""

    model: str
    content: dict[str, Any]
    text: str
    calls: list[ToolCall] = field(default_factory=list)
    finish: str = "STOP"
    note: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0


def request(dialogue: Dialogue) -> dict[str, Any]:
    """The arguments of `generate_content`."""
    from google.genai import types

    mode = types.FunctionCallingConfigMode.VALIDATED if dialogue.may_call else types.FunctionCallingConfigMode.NONE
    functions = [
        types.FunctionDeclaration(name=one["name"], description=one["description"], parameters_json_schema=one["parameters"])
        for one in dialogue.tools
    ]
    config = types.GenerateContentConfig(
        system_instruction=dialogue.system,
        temperature=0.0,
        tools=[types.Tool(function_declarations=functions)],
        tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=mode)),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    contents = [types.Content.model_validate_json(json.dumps(one)) for one in dialogue.contents]
    return {"model": dialogue.model, "contents": contents, "config": config}


def read(response: Any, asked: str) -> Utterance:
    """What the service answered."""
    candidate = response.candidates[0] if response.candidates else None
    usage = response.usage_metadata
    tokens: dict[str, Any] = {
        "input_tokens": (usage.prompt_token_count or 0) if usage else 0,
        "output_tokens": (usage.candidates_token_count or 0) if usage else 0,
        "thought_tokens": (usage.thoughts_token_count or 0) if usage else 0,
    }
    model = response.model_version or asked
    if candidate is None:
        blocked = response.prompt_feedback is not None and response.prompt_feedback.block_reason is not None
        return Utterance(model, {}, "", finish="SAFETY" if blocked else "NO_CANDIDATE", **tokens)
    finish = candidate.finish_reason.name if candidate.finish_reason else "OTHER"
    content = candidate.content
    parts = (content.parts or []) if content is not None else []
    calls = [
        ToolCall(part.function_call.name or "", dict(part.function_call.args or {}), part.function_call.id or "")
        for part in parts
        if part.function_call is not None
    ]
    text = "".join(part.text for part in parts if part.text and not part.thought)
    kept = content.model_dump(mode="json", exclude_none=True) if content is not None else {}
    return Utterance(model, kept, text, calls, finish, candidate.finish_message or "", **tokens)


def response_part(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """What a tool answered, as a part of the content that goes back."""
    said: dict[str, Any] = {"name": call["name"], "response": answer}
    if call.get("id"):
        said["id"] = call["id"]
    return {"function_response": said}
