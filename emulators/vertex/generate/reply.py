"""The answer on the wire: a `GenerateContentResponse` that says who made it.

Its `finishMessage` is JSON: `unknown` lists the places of the answer that could not be known, `evidence` tells by place where a
value comes from, `heard_by` what turned speech into words. Clients that know nothing of it see a message to people.
"""

import json
import math
from typing import Any

from emulators.vertex.generate.evidence import Hearing
from emulators.vertex.generate.facts import Facts
from emulators.vertex.generate.fill import Filler
from emulators.vertex.generate.question import Question
from emulators.vertex.generate.shape import read_shape
from emulators.vertex.generate.witness import Witness

MODEL_VERSION = "offline-evidence"
# What Gemini counts: a frame a second of film at 258 tokens, 32 tokens a second of sound, 258 tokens a picture.
TOKENS_PER_PICTURE = 258
TOKENS_PER_SOUND_SECOND = 32
LETTERS_PER_TOKEN = 4
MAX_UNKNOWN_NAMED = 100


def answer(question: Question, witness: Witness) -> dict[str, Any]:
    """The whole response body."""
    facts = Facts(witness)
    note: dict[str, Any] = {"made_by": "Filled from measured evidence only."}
    if question.wants_json:
        filler = Filler(facts)
        shape = read_shape(question.schema if question.schema is not None else {"type": "object"})
        text = json.dumps(filler.answer(shape), ensure_ascii=False)
        note |= {"unknown": list(dict.fromkeys(filler.unknown))[:MAX_UNKNOWN_NAMED], "evidence": filler.sources.told}
    else:
        text = facts.known("summary").text or ""
    hearing = witness.heard
    if isinstance(hearing, Hearing):
        note["heard_by"] = hearing.source
    return response(question, witness, text, json.dumps(note, ensure_ascii=False))


def response(question: Question, witness: Witness, text: str, message: str) -> dict[str, Any]:
    reason, tokens = "STOP", tokens_of(text)
    if question.max_output_tokens is not None and tokens > question.max_output_tokens:
        reason, tokens = "MAX_TOKENS", question.max_output_tokens
        text = text[: tokens * LETTERS_PER_TOKEN]
    details = prompt_tokens(question, witness)
    total = sum(detail["tokenCount"] for detail in details)
    return {
        "candidates": [
            {
                "index": 0,
                "content": {"role": "model", "parts": [{"text": text}]},
                "finishReason": reason,
                "finishMessage": message,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": total,
            "candidatesTokenCount": tokens,
            "totalTokenCount": total + tokens,
            "promptTokensDetails": details,
            "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
        },
        "modelVersion": MODEL_VERSION,
    }


def tokens_of(text: str) -> int:
    """About as many as Gemini would count: four letters each."""
    return math.ceil(len(text) / LETTERS_PER_TOKEN)


def prompt_tokens(question: Question, witness: Witness) -> list[dict[str, Any]]:
    """Tokens of the question by modality, by Gemini's published rates; kinds not present are left out."""
    counts = {"TEXT": tokens_of(question.words + question.system), "IMAGE": 0, "VIDEO": 0, "AUDIO": 0}
    for stretch in witness.stretches:
        seconds = math.ceil(stretch.span[1] - stretch.span[0])
        if stretch.is_image:
            counts["IMAGE"] += TOKENS_PER_PICTURE
        elif stretch.has_video:
            counts["VIDEO"] += TOKENS_PER_PICTURE * max(1, seconds)
        if stretch.has_audio:
            counts["AUDIO"] += TOKENS_PER_SOUND_SECOND * max(1, seconds)
    return [{"modality": modality, "tokenCount": count} for modality, count in counts.items() if count]
