"""Every call of a model, written down: for people who debug, and so that a repeated stage does not pay twice.

A call's id follows from what was asked for whom, so a stage that was killed after the answer finds it here and goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.domain.ids import derived_id
from shared.domain.runs import LlmCall, Run
from shared.inference.evidence import read_note
from shared.inference.models import Answer, Models, Question
from shared.store.documents import Store
from shared.work.outcomes import GiveUp, Retry, Throttled


@dataclass(frozen=True)
class Subject:
    """What a call is about."""

    video_id: str
    segment_id: str = ""
    start: float | None = None
    end: float | None = None


class Ledger:
    """Asks the model in the name of one run; `check_stop` raises when the run was told to stop.

    What was answered on one occasion is asked anew on another: a retry must not be given the answer it is to mend.
    """

    def __init__(self, store: Store, models: Models, run: Run, check_stop: Callable[[], None], occasion: str = "") -> None:
        self.store = store
        self.tenant = run.tenant
        self._models = models
        self._run = run
        self._check_stop = check_stop
        self._occasion = [occasion] if occasion else []

    def ask(self, purpose: str, question: Question, subject: Subject) -> Answer:
        """The model's answer, or the one it gave to this very question before. Raises as `Models.generate`."""
        call_id = derived_id(
            "llm_call",
            self._run.run_id,
            subject.video_id,
            subject.segment_id,
            purpose,
            question.model,
            question.prompt,
            question.schema,
            *self._occasion,
        )
        known = self.store.get(LlmCall, self.tenant, call_id)
        if known is not None and known.status == "completed":
            said = known.response
            return Answer(said["text"], said["model"], known.input_tokens, known.output_tokens, said.get("note", ""))
        self._check_stop()
        call = self._begin(call_id, purpose, question, subject)
        try:
            answer = self._models.generate(question)
        except (GiveUp, Retry, Throttled) as error:
            self._end(call, status="failed", error_message=str(error))
            raise
        self._end(
            call,
            status="completed",
            model=answer.model,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            response=_kept(answer),
        )
        return answer

    def _begin(self, call_id: str, purpose: str, question: Question, subject: Subject) -> LlmCall:
        now = self.store.clock()
        media = question.media
        seconds = (media.end - media.start) if media and media.end is not None and media.start is not None else 0.0
        return LlmCall(
            created_at=now,
            updated_at=now,
            tenant=self.tenant,
            llm_call_id=call_id,
            run_id=self._run.run_id,
            prompt_id=self._run.prompt_id,
            video_id=subject.video_id,
            segment_id=subject.segment_id,
            user_id=self._run.user_id,
            model=question.model,
            purpose=purpose,
            status="processing",
            video_seconds=round(seconds, 3),
            segment_start=subject.start,
            segment_end=subject.end,
            request={"prompt": question.prompt, "schema": question.schema},
            invoked_at=now,
        )

    def _end(self, call: LlmCall, **values: object) -> None:
        now = self.store.clock()
        for name, value in {**values, "completed_at": now, "updated_at": now}.items():
            setattr(call, name, value)
        batch = self.store.batch()
        batch.put(call)
        batch.commit()


def _kept(answer: Answer) -> dict[str, Any]:
    """The answer as the log keeps it; evidence the model gave for it stands beside the text, field by field."""
    kept: dict[str, Any] = {"text": answer.text, "model": answer.model}
    if answer.note:
        kept["note"] = answer.note
    if evidence := read_note(answer).evidence:
        kept["evidence"] = evidence
    return kept
