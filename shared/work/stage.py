"""A stage at the edge: an HTTP request of a queue or a push subscription becomes a message and a call.

Returning means done (200). `Throttled` is 429 with `Retry-After`, anything else that is raised is 503 or 500: the queue or the
subscription delivers again.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from shared import logging, tracing
from shared.messaging.messages import DeadLetter, MediaStored, Message
from shared.store.changed import Changed
from shared.work.outcomes import LeaseLost, Retry, Throttled

M = TypeVar("M", bound=Message)
D = TypeVar("D")


@dataclass(frozen=True)
class Answer:
    status: int
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}


class Stage(Generic[M, D]):
    """`work(message, deps)` behind a wire; `build` makes the dependencies once, on the first message."""

    def __init__(self, message: type[M], work: Callable[[M, D], None], build: Callable[[], D]) -> None:
        self._message = message
        self._work = work
        self._build = build

    def flask(self, request: Any) -> tuple[str, int, dict[str, str]]:
        answer = self.receive(request.get_data())
        return "", answer.status, answer.headers

    def receive(self, body: bytes) -> Answer:
        started = time.monotonic()
        try:
            message = self._decode(body)
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:  # no shape of ours
            # Delivered again it would be just as wrong: say so once, loudly, and take it.
            logging.error("message refused", function=self._work.__name__, reason=type(error).__name__)
            return Answer(200)
        if message is None:
            return Answer(200)
        ids = message.model_dump(exclude={"v", "kind", "traceparent"})
        with tracing.work(self._work.__name__, tracing.read(message.traceparent), **ids):
            answer, outcome = self._run(message)
            logging.info(
                "stage",
                function=self._work.__name__,
                outcome=outcome,
                milliseconds=round((time.monotonic() - started) * 1000),
                **ids,
            )
        return answer

    def _run(self, message: M) -> tuple[Answer, str]:
        try:
            self._work(message, self._build())
        except Throttled as error:
            return Answer(429, max(1, round(error.after))), f"throttled: {error}"
        except (Retry, LeaseLost, Changed) as error:
            return Answer(503), f"retry: {error or type(error).__name__}"
        except Exception as error:  # the outermost layer: the delivery is repeated, the trace is kept
            logging.exception("stage failed", error, function=self._work.__name__)
            return Answer(500), f"failed: {type(error).__name__}"
        return Answer(200), "done"

    def _decode(self, body: bytes) -> M | None:
        """The message of a task (its body) or of a push (wrapped, base64); None for a fact that is not this stage's."""
        wire = json.loads(body or b"{}")
        if "message" in wire and "subscription" in wire:
            attributes = wire["message"].get("attributes") or {}
            if self._message is MediaStored:
                if attributes.get("eventType") != "OBJECT_FINALIZE":
                    return None
                wire = {
                    "kind": "media_stored",
                    "bucket": attributes["bucketId"],
                    "name": attributes["objectId"],
                    "generation": attributes["objectGeneration"],
                }
            elif self._message is DeadLetter:
                return self._message.model_validate(DeadLetter.told_by(wire["message"]))
            else:
                wire = json.loads(base64.b64decode(wire["message"].get("data", "")))
        return self._message.model_validate(wire)
