"""From a model's answer to data that fits the user's own schema, or a plain word on why not."""

import json
from dataclasses import dataclass
from typing import Any

from shared.domain.schema import SchemaError, to_provider, validate
from shared.inference.ledger import Ledger, Subject
from shared.inference.models import OFFLINE_MODEL, Answer, MediaPart, Question
from shared.work.outcomes import GiveUp

MAX_REPAIRS = 2
OFFLINE_WARNING = (
    "offline-evidence: filled from measured evidence only (text on screen, spoken words, colours, times); "
    "what was not seen or heard is left empty"
)


@dataclass(frozen=True)
class Extraction:
    """`warning` is empty unless the user should know how this came about."""

    data: dict[str, Any]
    warning: str
    response: str


def extract(
    ledger: Ledger,
    *,
    purpose: str,
    model: str,
    prompt: str,
    schema: dict[str, Any],
    subject: Subject,
    media: MediaPart | None = None,
) -> Extraction:
    """Asks, checks against the user's schema and has the model mend what does not fit.

    A repair is a text-only call: the media is not sent, or paid for, again. Raises `GiveUp` when two repairs did not help.
    """
    provider_schema = to_provider(schema)
    answer = ledger.ask(purpose, Question(model, prompt, provider_schema, media), subject)
    warnings = [OFFLINE_WARNING] if answer.model == OFFLINE_MODEL else []
    data, errors = _read(answer, schema)
    for _ in range(MAX_REPAIRS):
        if not errors:
            break
        warnings.append("the model's first answer did not fit the schema and was mended")
        question = Question(model, _repair_prompt(answer.text, errors), provider_schema)
        answer = ledger.ask(f"{purpose}_repair", question, subject)
        data, errors = _read(answer, schema)
    if errors or not isinstance(data, dict):
        said = "; ".join(f"{e.path}: {e.message}" for e in errors[:3]) or "the answer is no object"
        raise GiveUp("schema_mismatch", f"the model's answer does not fit the schema: {said}", retryable=True)
    return Extraction(data, "; ".join(dict.fromkeys(warnings)), answer.text)


def _read(answer: Answer, schema: dict[str, Any]) -> tuple[Any, list[SchemaError]]:
    try:
        data = json.loads(answer.text)
    except ValueError as error:
        return None, [SchemaError("", f"not JSON: {error}")]
    return data, validate(schema, data)


def _repair_prompt(text: str, errors: list[SchemaError]) -> str:
    listed = "\n".join(f"- {e.path or '(top)'}: {e.message}" for e in errors[:20])
    return (
        "The JSON below does not fit its schema. Return the same facts as JSON that fits; change nothing else.\n"
        f"What is wrong:\n{listed}\nThe JSON:\n{text[:50_000]}"
    )
