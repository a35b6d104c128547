"""One turn, from where it stands to its end.

A turn is steps: the model answers, the tools it called are run, and so on until it answers in words. Each answer of the model and
each tool's result is stored in one commit with the events that tell of it, by the holder of the turn's lease alone. A worker that
takes over reads what is there and goes on behind it: what was stored is never asked for, run or told again.
"""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared import logging
from shared.chat import log
from shared.chat.arguments import declarations
from shared.chat.citations import NOTHING_FOUND, check
from shared.chat.counting import count_in
from shared.chat.outcome import deltas, outcome_of, trace_of
from shared.chat.prompting import MOST_HISTORY, contents, system
from shared.chat.scope import ChatScope
from shared.chat.shelf import Brought, Shelf
from shared.chat.tools import Library, ToolError, Tools
from shared.domain.chat import (
    MAX_SECONDS,
    MAX_STEPS,
    MAX_TOOL_CALLS,
    ChatSession,
    ChatTurn,
    EventKind,
    TurnStatus,
    TurnStep,
    numbered,
)
from shared.domain.clock import wire_time
from shared.inference.conversing import BLOCKED, Dialogue, Utterance
from shared.inference.models import OFFLINE_MODEL, Models
from shared.store.documents import Store
from shared.work.claims import Claim
from shared.work.outcomes import GiveUp, LeaseLost, Retry, Throttled

MOST_CALLS_AT_ONCE = 32  # more in one answer is no plan but a fault
TOOLS_AT_ONCE = 4
MODEL_TRIES = 3
OFFLINE_NOTICE = (
    "offline-evidence: planned by rules and answered in the words of the evidence, without a language model; "
    "what the evidence does not say is not answered"
)


class Stopped(Exception):
    """Somebody asked the turn to stop, or deleted its session."""


@dataclass(frozen=True)
class Deps:
    store: Store
    models: Models
    library: Library
    pause: Callable[[float], None] = time.sleep


class Talk:
    """The work of one holder of the lease on one turn."""

    def __init__(self, claim: Claim[ChatTurn], deps: Deps) -> None:
        self._claim = claim
        self._turn = claim.document
        self._deps = deps
        self._store = deps.store
        self._scope = ChatScope.of(self._turn)
        self._tools = Tools(deps.library, self._scope)
        self._shelf = Shelf()
        self._began = self._store.clock()
        self._spent = self._turn.spent_seconds
        self._history = _history(self._store, self._turn)
        self.steps = stored_steps(self._store, self._turn)
        for step in self.steps:
            for outcome in step.outcomes.values():
                if outcome.get("result_set"):
                    self._shelf.put(outcome["result_set"])

    def finish(self) -> None:
        """Raises `GiveUp` with what the user is to read when it cannot be answered, and `Stopped`."""
        while True:
            self._check_stop()
            open_step = next((one for one in self.steps if len(one.outcomes) < len(one.calls)), None)
            if open_step is not None:
                self._act(open_step)
            elif self.steps and not self.steps[-1].calls:
                return self._answer(self.steps[-1])
            else:
                self._ask()

    @property
    def _seconds(self) -> float:
        return self._spent + (self._store.clock() - self._began).total_seconds()

    @property
    def _calls_made(self) -> int:
        return sum(len(step.calls) for step in self.steps)

    def _check_stop(self) -> None:
        session = self._store.get(ChatSession, self._turn.tenant, self._turn.session_id)
        if session is None or session.deleted_at is not None or self._turn.turn_id in session.stops:
            raise Stopped
        if self._claim.lost:
            raise LeaseLost

    def _ask(self) -> None:
        """The next answer of the model, stored with the calls it makes."""
        number = len(self.steps) + 1
        left = MAX_TOOL_CALLS - self._calls_made
        may_call = number < MAX_STEPS and left > 0 and self._seconds < MAX_SECONDS * 0.7
        talk = contents(self._turn, self._history, self.steps, self._scope)
        dialogue = Dialogue(self._turn.model, system(self._scope, max(0, left)), talk, declarations(), may_call)
        said = self._converse(dialogue)
        now = self._store.clock()
        calls = [
            {
                "tool_call_id": f"call_{number}_{n}",
                "id": call.id,
                "name": call.name[:64],
                "arguments": call.arguments,
                "started_at": wire_time(now),
            }
            for n, call in enumerate(said.calls if may_call else [], 1)
        ]
        turn = self._turn
        step = TurnStep(
            created_at=now,
            updated_at=now,
            tenant=turn.tenant,
            session_id=turn.session_id,
            turn_id=turn.turn_id,
            step_id=numbered(number),
            model=said.model,
            content=said.content,
            calls=calls,
            text=said.text,
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
            thought_tokens=said.thought_tokens,
        )
        events: list[log.Event] = []
        if calls:
            events.append((EventKind.AGENT_STATE, {"state": _state_of(calls), "step": number, "note": ""}))
        events += [(EventKind.TOOL_CALL_STARTED, _started(call, number)) for call in calls]
        batch = self._store.batch()
        batch.create(step)
        self._save(batch, events)
        self.steps.append(step)

    def _converse(self, dialogue: Dialogue) -> Utterance:
        """An answer that can be worked with. A service that is busy is asked again a little later, a model that stumbled once."""
        stumbled = False
        tries = 0
        while True:
            self._check_time()
            try:
                said = self._deps.models.converse(dialogue)
            except (Throttled, Retry) as error:
                tries += 1
                if tries >= MODEL_TRIES:
                    code = "model_throttled" if isinstance(error, Throttled) else "model_unavailable"
                    raise GiveUp(code, "the model did not answer; ask again in a moment", retryable=True) from error
                self._deps.pause(float(tries))
                self._check_stop()
                continue
            if said.finish in BLOCKED:
                raise GiveUp("model_blocked", "the model declined to answer this question")
            usable = said.text.strip() or (said.calls and dialogue.may_call)
            if said.finish in ("STOP", "MAX_TOKENS") and usable and len(said.calls) <= MOST_CALLS_AT_ONCE:
                return said
            if stumbled:
                raise GiveUp("model_stopped", f"the model gave no answer ({said.finish.lower()}); ask again", retryable=True)
            stumbled = True
            logging.warning("a model's answer was of no use", reason=said.finish, model=said.model)

    def _check_time(self) -> None:
        if self._seconds >= MAX_SECONDS:
            raise GiveUp("turn_timed_out", f"the turn took longer than {MAX_SECONDS:g} seconds; ask for less", retryable=True)

    def _act(self, step: TurnStep) -> None:
        """Runs the step's tools side by side and stores each result as soon as it is there."""
        before = sum(len(one.calls) for one in self.steps if one.number < step.number)
        todo = [(before + n, call) for n, call in enumerate(step.calls) if call["tool_call_id"] not in step.outcomes]
        with ThreadPoolExecutor(TOOLS_AT_ONCE, thread_name_prefix="tool") as pool:
            running: dict[Future[tuple[Brought | ToolError, float]], dict[str, Any]] = {
                pool.submit(self._use, call, at): call for at, call in todo
            }
            try:
                while running:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    ended = [(running.pop(one), *one.result()) for one in sorted(done, key=lambda one: _order(running[one]))]
                    self._store_outcomes(step, ended)
            finally:
                for future in running:
                    future.cancel()

    def _use(self, call: dict[str, Any], at: int) -> tuple[Brought | ToolError, float]:
        """One tool's result or fault, and its seconds; `at` is the call's number in the turn."""
        begun = time.monotonic()
        if at >= MAX_TOOL_CALLS or self._seconds >= MAX_SECONDS:
            return ToolError("budget_exhausted", "no calls are left in this turn; answer from what was found"), 0.0
        try:
            return self._tools.call(call["name"], call["arguments"]), time.monotonic() - begun
        except ToolError as error:
            return error, time.monotonic() - begun
        except (Retry, Throttled) as error:
            logging.warning("a tool was out of reach", tool=call["name"], reason=type(error).__name__)
            return ToolError("unavailable", "this tool is out of reach at the moment"), time.monotonic() - begun

    def _store_outcomes(self, step: TurnStep, ended: list[tuple[dict[str, Any], Brought | ToolError, float]]) -> None:
        outcomes, events = dict(step.outcomes), []
        for call, brought, seconds in ended:
            outcome = outcome_of(call, brought, seconds, self._shelf)
            outcomes[call["tool_call_id"]] = outcome
            events.append((EventKind.TOOL_CALL_RESULT, outcome["event"]))
        if len(outcomes) == len(step.calls):
            last = step.number + 1 >= MAX_STEPS or self._calls_made >= MAX_TOOL_CALLS
            state = "answering" if last else "reading"
            events.append((EventKind.AGENT_STATE, {"state": state, "step": step.number + 1, "note": ""}))
        batch = self._store.batch()
        batch.change(step, outcomes=outcomes)
        self._save(batch, events)

    def _save(self, batch: Any, events: list[log.Event]) -> None:
        last = log.append(batch, self._turn, events, self._store.clock())
        self._claim.save(batch, last_sequence=last, spent_seconds=round(self._seconds, 3))

    def _answer(self, step: TurnStep) -> None:
        checked = check(step.text, self._shelf)
        searched = self._calls_made > 0
        if searched and not self._shelf.named and not self._shelf.tables and self._looked_in_vain():
            checked.content, checked.citations = NOTHING_FOUND, []
        if not checked.content:
            checked.content = NOTHING_FOUND
        offline = step.model == OFFLINE_MODEL
        answer = {
            "content": checked.content,
            "citations": checked.citations,
            "grounded": bool(checked.citations),
            "model": step.model,
            "notice": OFFLINE_NOTICE if offline else "",
        }
        counted = {
            "citations_dropped": checked.citations_dropped,
            "sentences_dropped": checked.sentences_dropped,
            "addresses_removed": checked.addresses_removed,
        }
        events: list[log.Event] = [(EventKind.ASSISTANT_DELTA, {"delta": one}) for one in deltas(checked.content)]
        events.append((EventKind.TURN_COMPLETED, {"status": TurnStatus.COMPLETED.value}))
        self.end(TurnStatus.COMPLETED, events, answer=answer, counted=counted)

    def _looked_in_vain(self) -> bool:
        """Whether something was searched: a talk about what there is needs no result to stand on."""
        return any(call["name"] not in ("describe_scope", "describe_tables") for step in self.steps for call in step.calls)

    def end(self, status: TurnStatus, events: list[log.Event], *, counted: dict[str, int] | None = None, **values: Any) -> None:
        """The one terminal transition, with the last events."""
        now = self._store.clock()
        batch = self._store.batch()
        closing = unanswered(self.steps) + events
        last = log.append(batch, self._turn, closing, now)
        turn = self._turn
        count_in(batch, turn, self.steps, self._store)
        self._claim.commit(
            batch,
            status=status.value,
            wake_at=None,
            last_sequence=last,
            spent_seconds=round(self._seconds, 3),
            tool_trace=[trace_of(call, step) for step in self.steps for call in step.calls],
            result_sets=self._shelf.sets,
            stats=stats_of(turn, self.steps, self._seconds, now - turn.created_at, counted or {}),
            completed_at=now,
            **values,
        )


def stored_steps(store: Store, turn: ChatTurn) -> list[TurnStep]:
    steps = store.collection(TurnStep, turn.tenant, turn.session_id, turn.turn_id).order_by("__name__")
    return list(store.stream(TurnStep, steps))


def unanswered(steps: list[TurnStep]) -> list[log.Event]:
    """A result for each call that was told of and never came to one: a stream owes it."""
    return [
        (
            EventKind.TOOL_CALL_RESULT,
            {
                "tool_call_id": call["tool_call_id"],
                "name": call["name"],
                "status": "error",
                "duration_ms": 0,
                "result_count": 0,
                "result_set_id": None,
                "preview": [],
                "error": {"code": "turn_ended", "message": "the turn ended before this call did"},
            },
        )
        for step in steps
        for call in step.calls
        if call["tool_call_id"] not in step.outcomes
    ]


def stats_of(turn: ChatTurn, steps: list[TurnStep], seconds: float, since: timedelta, counted: dict[str, int]) -> dict[str, Any]:
    return {
        "steps": len(steps),
        "tool_calls": sum(len(step.calls) for step in steps),
        "input_tokens": sum(step.input_tokens for step in steps),
        "output_tokens": sum(step.output_tokens for step in steps),
        "thought_tokens": sum(step.thought_tokens for step in steps),
        "latency_ms": max(0, round(since.total_seconds() * 1000)),
        "work_ms": max(0, round(seconds * 1000)),
        "attempts": turn.attempt,
        **dict.fromkeys(("citations_dropped", "sentences_dropped", "addresses_removed"), 0),
        **counted,
    }


def _started(call: dict[str, Any], step: int) -> dict[str, Any]:
    return {"tool_call_id": call["tool_call_id"], "step": step, "name": call["name"], "arguments": call["arguments"]}


def _order(call: dict[str, Any]) -> tuple[int, int]:
    _, step, number = call["tool_call_id"].split("_")
    return int(step), int(number)


def _state_of(calls: list[dict[str, Any]]) -> str:
    reading = {"get_segments", "get_video_result", "describe_scope", "describe_tables"}
    return "reading" if all(call["name"] in reading for call in calls) else "searching"


def _history(store: Store, turn: ChatTurn) -> list[ChatTurn]:
    """The answered turns before this one, oldest first."""
    turns = store.collection(ChatTurn, turn.tenant, turn.session_id)
    before = turns.where(filter=FieldFilter("created_at", "<", turn.created_at))
    newest = before.order_by("created_at", direction="DESCENDING").limit(MOST_HISTORY)
    return [one for one in reversed(list(store.stream(ChatTurn, newest))) if one.status == TurnStatus.COMPLETED]
