"""Asking a turn: created once by its key, worked on by a stage, followed by whoever asks with the same key.

The client's connection is only a reader of the turn's log. That it breaks stops nothing; that it comes again begins nothing anew.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from functions.api.chat.handlers import Deps, shown
from functions.api.chat.schemas import DEFAULT_MODEL, StreamQuery, TurnBody
from shared.chat import log
from shared.chat.following import TurnGone
from shared.chat.scope import ChatScope, settle
from shared.domain.chat import (
    MAX_SECONDS,
    MAX_STEPS,
    MAX_TOOL_CALLS,
    ChatSession,
    ChatTurn,
    EventKind,
    TurnStatus,
)
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.ids import derived_id
from shared.http.call import Call
from shared.http.request import Response
from shared.http.streaming import Frame, sse
from shared.messaging.messages import RunTurn
from shared.store.documents import Changed

WAKE_AFTER = timedelta(seconds=30)  # before the sweep sends the turn's message again
WAIT_SECONDS = 240.0  # of a call that is not streamed; then it answers with the turn as it stands
_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")
_HEADERS = ("Idempotency-Key", "X-Idempotency-Key")


@dataclass(frozen=True)
class Opened:
    """`owner` is empty for a turn that this very request began, else how it was found; `first` are the events it began with."""

    turn: ChatTurn
    owner: str = ""
    first: Sequence[dict[str, Any]] = ()


def create(call: Call[TurnBody], deps: Deps, session_id: str) -> Response:
    """Ask a turn and wait for its end"""
    opened = _open(call, deps, session_id)
    return Response(200, {"Content-Type": "application/json"}, _whole(opened, deps))


def stream(call: Call[TurnBody], deps: Deps, session_id: str) -> Response:
    """Ask a turn and receive its events; with the same key again, those behind Last-Event-ID"""
    opened = _open(call, deps, session_id)
    return _streamed(opened, _after(call), deps, call.request_id)


def follow(call: Call[None], deps: Deps, session_id: str, turn_id: str) -> Response:
    """Receive the events of a turn that was asked before"""
    session = deps.chats.get(call.tenant, session_id)
    opened = _found(deps.chats.turn(session, turn_id), deps)
    return _streamed(opened, _after(call), deps, call.request_id)


def _open(call: Call[TurnBody], deps: Deps, session_id: str) -> Opened:
    """The turn of this key, found or begun."""
    session, body = deps.chats.get(call.tenant, session_id), call.body
    key = _key(call)
    turn_id = derived_id("turn", call.tenant, session_id, key) if key else call.new_id("turn")
    fingerprint = _fingerprint(body)
    if key:
        earlier = deps.store.get(ChatTurn, call.tenant, session_id, turn_id)
        if earlier is not None:
            return _same(earlier, fingerprint, deps)
    asked = body.scope
    scope = settle(call.tenant, asked.index_ids if asked else (), asked.prompt_run_ids if asked else (), deps.indexes, deps.runs)
    try:
        opened = _begin(call, session, turn_id, fingerprint, scope, deps)
    except Changed:
        earlier = deps.store.get(ChatTurn, call.tenant, session_id, turn_id)
        if earlier is None:
            raise
        return _same(earlier, fingerprint, deps)
    _send(opened.turn, deps, "begin")
    return opened


def _begin(call: Call[TurnBody], session: ChatSession, turn_id: str, fingerprint: str, scope: ChatScope, deps: Deps) -> Opened:
    now, body = deps.store.clock(), call.body
    turn = ChatTurn(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        session_id=session.session_id,
        turn_id=turn_id,
        user_id=call.caller.user_id,
        request_id=call.request_id,
        request_hash=fingerprint,
        message=body.message,
        owner=scope.owner,
        index_ids=list(scope.index_ids),
        run_ids=list(scope.run_ids),
        model=body.model or DEFAULT_MODEL,
        status=TurnStatus.PENDING.value,
        wake_at=now + WAKE_AFTER,
    )
    started = {
        "user_message": body.message,
        "effective_scope": scope.on_the_wire(),
        "model": turn.model,
        "limits": {"steps": MAX_STEPS, "tool_calls": MAX_TOOL_CALLS, "seconds": MAX_SECONDS},
    }
    events: list[log.Event] = [
        (EventKind.TURN_STARTED, started),
        (EventKind.AGENT_STATE, {"state": "planning", "step": 1, "note": ""}),
    ]
    first = log.told(turn, events, now)
    batch = deps.store.batch()
    turn.last_sequence = log.append(batch, turn, events, now)
    batch.create(turn)
    batch.raw_update(session, {"last_turn_at": now})
    batch.commit()
    return Opened(turn, first=first)


def _same(turn: ChatTurn, fingerprint: str, deps: Deps) -> Opened:
    if turn.request_hash != fingerprint:
        raise ApiError(ErrorCode.IDEMPOTENCY_KEY_REUSED, "this key was used for another message or scope of this session")
    return _found(turn, deps)


def _found(turn: ChatTurn, deps: Deps) -> Opened:
    """A turn whose worker died or that nobody took is given to another at once."""
    if TurnStatus(turn.status).is_terminal:
        return Opened(turn, "replayed")
    if turn.lease_until is not None and turn.lease_until > deps.store.clock():
        return Opened(turn, "attached")
    _send(turn, deps, f"again-{turn.version}")
    return Opened(turn, "adopted" if turn.attempt else "attached")


def _send(turn: ChatTurn, deps: Deps, slot: str) -> None:
    deps.queues.send(RunTurn(tenant=turn.tenant, session_id=turn.session_id, turn_id=turn.turn_id), slot=slot)


def _key(call: Call[TurnBody]) -> str:
    """From either header or the body; they must not disagree. "" for none."""
    given = [call.request.headers.get(name).strip() for name in _HEADERS if name in call.request.headers]
    if call.body.idempotency_key is not None:
        given.append(call.body.idempotency_key.strip())
    if len(set(given)) > 1:
        raise ApiError(ErrorCode.INVALID_IDEMPOTENCY_KEY, "the headers and the body name different idempotency keys")
    if given and not _KEY.match(given[0]):
        raise ApiError(ErrorCode.INVALID_IDEMPOTENCY_KEY, "an idempotency key is 1 to 255 visible ASCII characters")
    return given[0] if given else ""


def _fingerprint(body: TurnBody) -> str:
    scope = body.scope
    asked = [body.message, sorted(set(scope.index_ids)) if scope else [], sorted(set(scope.prompt_run_ids)) if scope else []]
    return hashlib.sha256(json.dumps([*asked, body.model or DEFAULT_MODEL]).encode()).hexdigest()


def _after(call: Call[Any]) -> int:
    """The sequence the client has; the query counts before the header, which browsers set by themselves."""
    query: StreamQuery = call.query
    if query.after is not None:
        return query.after
    said = call.request.headers.get("Last-Event-ID").strip() if "Last-Event-ID" in call.request.headers else ""
    if not said:
        return 0
    if not said.isdecimal() or len(said) > 9:
        raise invalid("Last-Event-ID", "this is the id of no event of a turn; it is a whole number")
    return int(said)


def _streamed(opened: Opened, after: int, deps: Deps, request_id: str) -> Response:
    if after > opened.turn.last_sequence:
        raise invalid("Last-Event-ID", f"the turn has no event {after}; its last is {opened.turn.last_sequence}")
    place = [after]
    return sse(_frames(opened, place, deps), request_id=request_id, position=lambda: str(place[0]) if place[0] else "")


async def _frames(opened: Opened, place: list[int], deps: Deps) -> AsyncIterator[Frame]:
    """`place` keeps the sequence that was sent last."""
    turn = opened.turn
    if opened.owner:
        told = log.resumed(turn, place[0], opened.owner, deps.store.clock())
        yield Frame(told, EventKind.TURN_RESUMED.value)
    for event in opened.first[place[0] :]:  # known without a look at the store
        place[0] = event["sequence"]
        yield Frame(event, event["type"], str(event["sequence"]))
    events = deps.follower.events(turn, place[0])
    try:
        async for event in events:
            if event["type"] == EventKind.TURN_COMPLETED:
                event = {**event, "turn": await asyncio.to_thread(_ended, turn, deps)}
            place[0] = event["sequence"]
            yield Frame(event, event["type"], str(event["sequence"]))
    except TurnGone:
        said = {"code": "session_not_found", "message": "the session was deleted meanwhile", "retryable": False}
        yield Frame({"type": "error", "session_id": turn.session_id, "turn_id": turn.turn_id, **said}, "error")
    finally:
        await events.aclose()  # type: ignore[attr-defined]


async def _whole(opened: Opened, deps: Deps) -> AsyncIterator[bytes]:
    """The turn as JSON once it has ended; no thread waits for that."""
    events = deps.follower.events(opened.turn, opened.turn.last_sequence)

    async def drain() -> None:
        async for _ in events:
            continue

    try:
        if not TurnStatus(opened.turn.status).is_terminal:
            await asyncio.wait_for(drain(), WAIT_SECONDS)
    except (TimeoutError, TurnGone):
        pass  # answered as it stands
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    view = await asyncio.to_thread(_ended, opened.turn, deps)
    yield json.dumps({**view, "turn": view}, ensure_ascii=False, separators=(",", ":")).encode()


def _ended(turn: ChatTurn, deps: Deps) -> dict[str, Any]:
    """As it stands now; a turn that was deleted meanwhile as it stood."""
    now = deps.store.get(ChatTurn, turn.tenant, turn.session_id, turn.turn_id)
    [view] = shown([now or turn], deps)
    return view
