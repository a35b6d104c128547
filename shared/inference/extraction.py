"""From a model's answer to data that fits the user's own schema, or a plain word on why not."""

import json
from dataclasses import dataclass
from typing import Any

from shared.domain.failures import FailureCode
from shared.domain.mending import mend, without_misfits
from shared.domain.provider_schema import Relief
from shared.domain.schema import SchemaError, validate
from shared.inference.evidence import read_note
from shared.inference.ladder import Ladder
from shared.inference.ledger import Ledger, Subject
from shared.inference.models import OFFLINE_MODEL, Answer, MediaPart
from shared.work.outcomes import GiveUp

MAX_REPAIRS = 2
MAX_ERRORS_SAID = 20
OFFLINE_WARNING = (
    "offline-evidence: filled from measured evidence only (text on screen, spoken words, colours, times); "
    "what was not seen or heard is left empty"
)
_RELIEVED = {
    Relief.BOUNDS: "without bounds of numbers and formats",
    Relief.ENUMS: "without bounds, formats and long lists of values",
    Relief.LENGTHS: "without bounds, formats, long lists of values and lengths of lists",
    Relief.SCHEMA: "only as part of the prompt",
}


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
    """Asks, checks against the user's schema, mends small faults and has the model mend the others.

    A repair is a text-only call: the media is not sent, or paid for, again. What two repairs did not mend is left out where the
    schema allows, else `GiveUp` is raised.
    """
    ladder = Ladder(ledger, model, schema)
    answer = ladder.ask(purpose, prompt, subject, media)
    reading = _read(answer, schema)
    repaired = False
    for attempt in range(MAX_REPAIRS):
        if not reading.errors:
            break
        repaired = True
        answer = ladder.ask(f"{purpose}_repair", _repair_prompt(reading, attempt), subject)
        reading = _read(answer, schema)
    if reading.errors:
        reading = _without_misfits(reading, schema)
    if reading.errors or not isinstance(reading.data, dict):
        said = "; ".join(f"{e.path}: {e.message}" for e in reading.errors[:3]) or "the answer is no object"
        raise GiveUp(FailureCode.SCHEMA_MISMATCH, f"the model's answer does not fit the schema: {said}", retryable=True)
    warnings = [
        OFFLINE_WARNING if answer.model == OFFLINE_MODEL else "",
        read_note(answer).told,
        f"the model took the schema {_RELIEVED[ladder.level]}" if ladder.level else "",
        "the model's first answer did not fit the schema and was mended" if repaired else "",
        reading.changes,
    ]
    return Extraction(reading.data, "; ".join(one for one in warnings if one), answer.text)


@dataclass(frozen=True)
class _Reading:
    """An answer as data; `changes` tells what was mended without asking again, `errors` what was not."""

    text: str
    data: Any
    errors: list[SchemaError]
    changes: str = ""


def _read(answer: Answer, schema: dict[str, Any]) -> _Reading:
    try:
        data = json.loads(_unfenced(answer.text))
    except (ValueError, RecursionError) as error:
        return _Reading(answer.text, None, [SchemaError("", f"not JSON: {error}")])
    mended = mend(schema, data)
    errors = validate(schema, mended.data)
    text = json.dumps(mended.data, ensure_ascii=False) if mended.changes else answer.text
    return _Reading(text, mended.data, errors, mended.told)


def _without_misfits(reading: _Reading, schema: dict[str, Any]) -> _Reading:
    """Rather part of the facts than none: what may be absent and still does not fit is left out, and told."""
    paths = [
        error.path for error in reversed(reading.errors)
    ]  # later items of a list first, so that the others keep their places
    rest = without_misfits(schema, reading.data, paths) if isinstance(reading.data, dict) else None
    if rest is None:
        return reading
    return _Reading(reading.text, rest.data, [], "; ".join(told for told in (reading.changes, rest.told) if told))


def _unfenced(text: str) -> str:
    """The JSON without the code fence that models put round it where no schema holds them."""
    lines = text.strip().split("\n")
    return "\n".join(lines[1:-1]) if len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip() == "```" else text


def _repair_prompt(reading: _Reading, attempt: int) -> str:
    """A later attempt is another question: the same one would be answered from the log."""
    listed = "\n".join(f"- {e.path or '(top)'}: {e.message}" for e in reading.errors[:MAX_ERRORS_SAID])
    again = f"This is attempt {attempt + 1}; those before did not fit either.\n" if attempt else ""
    return (
        "The JSON below does not fit its schema. Return the same facts as JSON that fits; change nothing else.\n"
        f"{again}What is wrong:\n{listed}\nThe JSON:\n{reading.text[:50_000]}"
    )
