"""Asking with as much of the schema as the model's service takes.

A schema with too many states is refused before anything is paid. Then it is relieved step by step, and the step that passed is
kept, so that the next call with this schema begins there.
"""

import json
from typing import Any

from shared.domain.provider_schema import Relief, to_provider
from shared.domain.reliefs import SchemaRelief, relief_id
from shared.inference.ledger import Ledger, Subject
from shared.inference.models import Answer, MediaPart, Question, SchemaRefused


class Ladder:
    """One schema's questions to one model; `level` is what the schema is relieved of by now."""

    def __init__(self, ledger: Ledger, model: str, schema: dict[str, Any]) -> None:
        self._ledger = ledger
        self._model = model
        self._schema = schema
        self._id = relief_id(model, schema)
        known = ledger.store.get(SchemaRelief, ledger.tenant, self._id)
        self.level = Relief(known.level) if known is not None else Relief.NONE

    def ask(self, purpose: str, prompt: str, subject: Subject, media: MediaPart | None = None) -> Answer:
        """The answer to the strictest question that the service takes. Raises as `Ledger.ask`."""
        began = self.level
        while True:
            try:
                answer = self._ledger.ask(purpose, self._question(prompt, media), subject)
            except SchemaRefused:
                if self.level is Relief.SCHEMA:
                    raise
                self.level = self._next()
                continue
            if self.level is not began:
                self._keep()
            return answer

    def _next(self) -> Relief:
        """The first further step that changes anything of this schema."""
        now = to_provider(self._schema, self.level)
        steps = (step for step in Relief if self.level < step < Relief.SCHEMA and to_provider(self._schema, step) != now)
        return next(steps, Relief.SCHEMA)

    def _question(self, prompt: str, media: MediaPart | None) -> Question:
        if self.level is not Relief.SCHEMA:
            return Question(self._model, prompt, to_provider(self._schema, self.level), media)
        schema = json.dumps(self._schema, ensure_ascii=False)
        return Question(
            self._model, f"{prompt}\n\nAnswer with one JSON object that fits this JSON Schema:\n{schema}", None, media
        )

    def _keep(self) -> None:
        """Whoever finds out at the same time writes the same, or the step after it: either one passes."""
        store, now = self._ledger.store, self._ledger.store.clock()
        kept = SchemaRelief(created_at=now, updated_at=now, tenant=self._ledger.tenant, relief_id=self._id, level=int(self.level))
        batch = store.batch()
        batch.put(kept)
        batch.commit()
