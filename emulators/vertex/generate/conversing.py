"""Answering a talk with tools on the wire: by the rules of this machine, or by the user's own Gemini."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from emulators.vertex.embeddings.engine import EmbeddingEngine
from emulators.vertex.generate.planning import next_move
from emulators.vertex.generate.relevance import Nearness
from emulators.vertex.generate.reply import MODEL_VERSION, tokens_of
from emulators.vertex.generate.talk import read_talk

_WIDTH = 384
MOST_TEXTS = 256  # that are compared in one step


def by_meaning(embeddings: EmbeddingEngine) -> Nearness:
    """Cosines of sentence vectors."""

    def nearness(text: str, others: Sequence[str]) -> list[float]:
        compared = [text, *others[:MOST_TEXTS]]
        vectors = np.stack([one.values for one in embeddings.texts(compared, _WIDTH)])
        return [float(value) for value in vectors[1:] @ vectors[0]] + [0.0] * (len(others) - MOST_TEXTS)

    return nearness


def converse(body: dict[str, Any], nearness: Nearness) -> dict[str, Any]:
    """A GenerateContentResponse with calls or with words, never both."""
    talk = read_talk(body)
    move = next_move(talk, nearness)
    if move.calls:
        parts: list[dict[str, Any]] = [{"functionCall": {"name": name, "args": arguments}} for name, arguments in move.calls]
    else:
        parts = [{"text": move.text}]
    note = {"made_by": "Planned by rules, answered in the words of the evidence."}
    asked, said = tokens_of(json.dumps(body.get("contents"), ensure_ascii=False)), tokens_of(json.dumps(parts))
    return {
        "candidates": [
            {
                "index": 0,
                "content": {"role": "model", "parts": parts},
                "finishReason": "STOP",
                "finishMessage": json.dumps(note),
            }
        ],
        "usageMetadata": {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said},
        "modelVersion": MODEL_VERSION,
    }
