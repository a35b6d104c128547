"""Answering a turn: whoever holds its lease goes on from where it stands; it ends once, in words or with an error."""

from dataclasses import dataclass
from datetime import timedelta

from shared.chat import log
from shared.chat.counting import count_in
from shared.chat.outcome import trace_of
from shared.chat.talking import Deps as TalkDeps
from shared.chat.talking import Stopped, Talk, stats_of, stored_steps, unanswered
from shared.domain.chat import ChatTurn, EventKind, TurnStatus
from shared.domain.failures import FailureCode
from shared.messaging.messages import RunTurn
from shared.store.documents import Store
from shared.work.claims import Claims
from shared.work.outcomes import GiveUp

LEASE = timedelta(seconds=15)  # somebody looks at the stream: a turn whose worker died must not stand still for a minute


@dataclass(frozen=True)
class Deps:
    store: Store
    claims: Claims
    talk: TalkDeps


def run_turn(message: RunTurn, deps: Deps) -> None:
    turn = deps.store.get(ChatTurn, message.tenant, message.session_id, message.turn_id)
    if turn is None or TurnStatus(turn.status).is_terminal:
        return
    started = turn.started_at or deps.store.clock()
    try:
        with deps.claims.hold(turn, status=TurnStatus.PROCESSING.value, started_at=started) as claim:
            talk = Talk(claim, deps.talk)
            try:
                talk.finish()
            except Stopped:
                said = _error(turn, "turn_cancelled", "the turn was stopped before it had an answer", retryable=False)
                talk.end(TurnStatus.CANCELLED, [(EventKind.ERROR, said)], error=said)
    except GiveUp as reason:
        _fail(turn, reason, deps)


def _fail(turn: ChatTurn, reason: GiveUp, deps: Deps) -> None:
    """The lease is still in hand; what the steps brought is kept to be seen."""
    store, now = deps.store, deps.store.clock()
    steps = stored_steps(store, turn)
    message = reason.message
    if reason.code == FailureCode.ATTEMPTS_EXHAUSTED:
        message = "the turn could not be worked on; ask again"
    said = _error(turn, str(reason.code), message, retryable=reason.retryable)
    batch = store.batch()
    count_in(batch, turn, steps, store)
    last = log.append(batch, turn, [*unanswered(steps), (EventKind.ERROR, said)], now)
    batch.change(
        turn,
        status=TurnStatus.FAILED.value,
        wake_at=None,
        lease_until=None,
        last_sequence=last,
        error=said,
        tool_trace=[trace_of(call, step) for step in steps for call in step.calls],
        result_sets=[one["result_set"] for step in steps for one in step.outcomes.values() if one.get("result_set")],
        stats=stats_of(turn, steps, turn.spent_seconds, now - turn.created_at, {}),
        completed_at=now,
    )
    batch.commit()


def _error(turn: ChatTurn, code: str, message: str, *, retryable: bool) -> dict[str, object]:
    return {"code": code, "message": message, "retryable": retryable, "request_id": turn.request_id}
