"""Answering a talk with tools on the wire: by the rules of this machine, or by the user's own Gemini."""

import json
import threading
from collections import OrderedDict
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
MOST_KEPT = 4096  # vectors of texts that were compared before: six megabytes


class _Vectors:
    """Vectors of texts, those used last kept: each step of a talk compares what the steps before it compared."""

    def __init__(self, embeddings: EmbeddingEngine) -> None:
        self._embeddings = embeddings
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """One row for each text."""
        wanted = list(dict.fromkeys(texts))
        with self._lock:
            known = {text: self._kept[text] for text in wanted if text in self._kept}
        new = [text for text in wanted if text not in known]
        if new:
            known |= {text: one.values for text, one in zip(new, self._embeddings.texts(new, _WIDTH), strict=True)}
        with self._lock:
            for text in wanted:
                self._kept[text] = known[text]
                self._kept.move_to_end(text)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return np.stack([known[text] for text in texts])


def by_meaning(embeddings: EmbeddingEngine) -> Nearness:
    """Cosines of sentence vectors."""
    kept = _Vectors(embeddings)

    def nearness(text: str, others: Sequence[str]) -> list[float]:
        vectors = kept.of([text, *others[:MOST_TEXTS]])
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
