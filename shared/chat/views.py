"""Sessions and turns on the wire."""

from collections.abc import Collection
from typing import Any

from shared.chat.scope import ChatScope
from shared.domain.chat import ChatSession, ChatTurn, TurnStatus
from shared.domain.clock import wire_time


def session_view(session: ChatSession) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "title": session.title,
        "user_id": session.user_id,
        "created_at": wire_time(session.created_at),
        "updated_at": wire_time(session.last_turn_at or session.created_at),
        "last_turn_at": wire_time(session.last_turn_at) if session.last_turn_at else None,
    }


def turn_view(turn: ChatTurn, gone: Collection[str] = ()) -> dict[str, Any]:
    """The whole turn. Results of media in `gone` are left out: what was deleted is not shown again."""
    done = turn.status == TurnStatus.COMPLETED
    view = {
        "turn_id": turn.turn_id,
        "session_id": turn.session_id,
        "status": turn.status,
        "user_message": turn.message,
        "assistant_message": _assistant(turn.answer, gone) if done else None,
        "effective_scope": ChatScope.of(turn).on_the_wire(),
        "tool_trace": turn.tool_trace,
        "result_sets": [_living(one, gone) for one in turn.result_sets],
        "stats": turn.stats,
        "model": turn.model,
        "last_sequence": turn.last_sequence,
        "created_at": wire_time(turn.created_at),
        "started_at": wire_time(turn.started_at) if turn.started_at else None,
        "completed_at": wire_time(turn.completed_at) if turn.completed_at else None,
    }
    return view | ({"error": turn.error} if turn.error else {"error": None})


def media_of(turn: ChatTurn) -> set[str]:
    """Ids of the media that its results and citations name."""
    found = {one["video_id"] for made in turn.result_sets for one in made["results"]}
    return found | {one["video_id"] for one in turn.answer.get("citations", []) if one.get("video_id")}


def _assistant(answer: dict[str, Any], gone: Collection[str]) -> dict[str, Any]:
    return {**answer, "citations": [one for one in answer["citations"] if one.get("video_id") not in gone]}


def _living(made: dict[str, Any], gone: Collection[str]) -> dict[str, Any]:
    """Rows of a query are values that nobody can tell apart any more, so they go with any result that they came from."""
    results = [one for one in made["results"] if one["video_id"] not in gone]
    if len(results) == len(made["results"]) or "rows" not in made:
        return {**made, "results": results}
    return {**made, "results": results, "rows": [], "truncated": True}
