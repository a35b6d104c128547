"""Speech to text by the same model: the words with their times, in the media's own seconds."""

import json
from dataclasses import dataclass
from typing import Any

from shared.domain.failures import FailureCode
from shared.inference.evidence import read_note
from shared.inference.ledger import Ledger, Subject
from shared.inference.models import MediaPart, Question
from shared.work.outcomes import GiveUp

PROMPT = (
    "Transcribe everything that is spoken in this part of the media, word for word and in order. "
    "Leave the list empty if nobody speaks. Invent nothing."
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "language": {"type": "string", "description": "BCP 47 code of the language spoken, empty if nobody speaks"},
        "utterances": {
            "type": "array",
            "description": "Everything that is spoken, in order",
            "items": {
                "type": "object",
                "properties": {
                    "start_seconds": {
                        "type": "number",
                        "description": "start of the utterance in seconds from the start of the media",
                    },
                    "end_seconds": {
                        "type": "number",
                        "description": "end of the utterance in seconds from the start of the media",
                    },
                    "text": {"type": "string", "description": "verbatim words spoken"},
                },
                "required": ["start_seconds", "end_seconds", "text"],
            },
        },
    },
    "required": ["utterances"],
}


@dataclass(frozen=True)
class Transcript:
    """`utterances` are `{start, end, text}` in seconds from the start of the media; `text` joins them.

    `words` of an utterance, `{start, end, text, confidence}` each, are there if the model told them beside its answer. It is not
    asked for them: they would make its answer several times longer.
    """

    text: str
    utterances: list[dict[str, Any]]


def transcribe(ledger: Ledger, *, model: str, media: MediaPart, subject: Subject) -> Transcript:
    """Raises `GiveUp` when the model's answer cannot be read."""
    answer = ledger.ask("transcription", Question(model, PROMPT, SCHEMA, media), subject)
    try:
        wire = json.loads(answer.text)
        spoken = [_utterance(item) for item in wire.get("utterances") or []]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GiveUp(
            FailureCode.TRANSCRIPT_UNREADABLE, "the model's transcript is not what was asked for", retryable=True
        ) from error
    utterances = _with_words([one for one in spoken if one["text"]], read_note(answer).evidence)
    return Transcript(" ".join(one["text"] for one in utterances), utterances)


def _utterance(item: dict[str, Any]) -> dict[str, Any]:
    start, end = float(item["start_seconds"]), float(item["end_seconds"])
    return {"start": round(start, 3), "end": round(max(start, end), 3), "text": " ".join(str(item["text"]).split())}


def _with_words(utterances: list[dict[str, Any]], evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Each utterance with the words of the evidence that has its text and beginning."""
    heard = evidence.get("utterances[]")
    told = {(one.get("text"), one.get("start")): one.get("words") for one in heard or [] if isinstance(one, dict)}
    return [
        {**one, "words": [_word(*word) for word in words]} if (words := told.get((one["text"], one["start"]))) else one
        for one in utterances
    ]


def _word(text: str, start: float, end: float, confidence: float) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, "confidence": confidence}
