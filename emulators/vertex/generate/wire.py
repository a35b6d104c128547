"""`generateContent` and `countTokens` of Vertex AI's REST surface, answered by the senses of this machine.

Where the environment names a model of the user's own, `generateContent` is passed on to that.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from emulators.faults import Faults
from emulators.vertex.answers import endpoint, not_found, unimplemented
from emulators.vertex.context import ModelsContext
from emulators.vertex.embeddings.engine import EmbeddingEngine
from emulators.vertex.generate.conversing import by_meaning, converse
from emulators.vertex.generate.passthrough import GeminiModel, Model, chosen_model
from emulators.vertex.generate.question import Question, read_question
from emulators.vertex.generate.relevance import Nearness
from emulators.vertex.generate.reply import answer, prompt_tokens
from emulators.vertex.generate.warmth import Resting
from emulators.vertex.generate.witness import Senses, Witness

# Google's client asks under v1beta1 unless it is told otherwise.
_VERSIONS = ("v1", "v1beta1")
_MODEL = "projects/{project}/locations/{location}/publishers/google/models/{model}"


class Generator:
    """Answers questions with the senses it was given, or has the user's own model answer them."""

    def __init__(self, senses: Senses, resting: Resting, model: Model | None, nearness: Nearness) -> None:
        self._senses = senses
        self._resting = resting
        self._model = model
        self._nearness = nearness

    def generate(self, values: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if body.get("tools"):
            return self._converse(values, body)
        question = _question(values, body)
        with self._resting.awake():
            witness = Witness.of(question, self._senses)
            return answer(question, witness) if self._model is None else self._model.answer(question, witness)

    def _converse(self, values: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """Only Gemini speaks this wire itself; beside any other model of the user's the rules answer."""
        _check_model(values)
        if isinstance(self._model, GeminiModel):
            return self._model.converse(values["model"], body)
        return converse(body, self._nearness)

    def count(self, values: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        question = _question(values, body)
        details = prompt_tokens(question, Witness.of(question, self._senses))
        return {
            "totalTokens": sum(detail["tokenCount"] for detail in details),
            "totalBillableCharacters": len("".join(question.words.split())),
            "promptTokensDetails": details,
        }


@dataclass(frozen=True)
class Generation:
    """This part of the models process; `close` ends its recognisers and lets go of its files."""

    routes: list[Route]
    close: Callable[[], None]


def generation(
    faults: Faults,
    context: ModelsContext,
    environment: Mapping[str, str] = os.environ,
    embeddings: EmbeddingEngine | None = None,
) -> Generation:
    """Opens the kept evidence; no model is loaded before the first request. Sentence vectors come from the server's engine."""
    embeddings = embeddings or EmbeddingEngine(context.clock)
    senses = Senses(context)
    generator = Generator(senses, Resting(context.clock, senses.rest), chosen_model(environment), by_meaning(embeddings))

    def stream(values: dict[str, str], body: dict[str, Any]) -> Any:
        raise unimplemented("streamGenerateContent is not offered here; use generateContent.")

    work = {
        "generateContent": generator.generate,
        "countTokens": generator.count,
        "streamGenerateContent": stream,
    }
    served = [
        Route(f"/{version}/{_MODEL}:{name}", endpoint(faults, f"vertex.{name}", do), methods=["POST"])
        for version in _VERSIONS
        for name, do in work.items()
    ]
    return Generation(served, senses.close)


def _question(values: dict[str, str], body: dict[str, Any]) -> Question:
    model = _check_model(values)
    if body.get("tools") or body.get("cachedContent"):
        raise unimplemented("cached content, and tools beside media, are not offered here.")
    return read_question(model, body)


def _check_model(values: dict[str, str]) -> str:
    model = values["model"]
    if not model.startswith("gemini"):
        raise not_found(f"Publisher Model `publishers/google/models/{model}` was not found.")
    return model
