"""Contents to vectors: sentences through MiniLM, pictures through the descriptor; two spaces, unrelated."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from emulators.clock import Clock
from emulators.vertex.embeddings.descriptor import describe
from emulators.vertex.embeddings.graph import WIDTH
from emulators.vertex.embeddings.minilm import MiniLM
from emulators.vertex.embeddings.warmth import IDLE_SECONDS, Warmth
from emulators.vertex.embeddings.weights import checked_folder

Space = Literal["all-MiniLM-L6-v2", "picture-descriptor-2"]
TEXT_SPACE: Space = "all-MiniLM-L6-v2"
IMAGE_SPACE: Space = "picture-descriptor-2"
IMAGE_TOKENS = 258
# How gemini-embedding-2 is told its task: words for that model, noise for this one
_QUERY_INSTRUCTION = re.compile(r"^task:[^|\n]*\|\s*query:\s*", re.IGNORECASE)
_DOCUMENT_INSTRUCTION = re.compile(r"^title:(?P<title>[^|\n]*)\|\s*text:\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Embedding:
    """A unit vector of the size asked, the space it lives in, the tokens it cost and whether some went unread."""

    values: np.ndarray
    space: Space
    tokens: int
    truncated: bool = False


class EmbeddingEngine:
    """Text and pictures to vectors; the text model is loaded on first use. `notes` remembers that its files were verified."""

    def __init__(self, clock: Clock, *, notes: Path | None = None, idle_seconds: float = IDLE_SECONDS) -> None:
        self.warmth: Warmth[MiniLM] = Warmth(lambda: MiniLM(checked_folder(notes)), clock, idle_seconds)

    def texts(self, texts: Sequence[str], dimensions: int) -> list[Embedding]:
        """One vector per text. Below 384 dimensions the first ones stay, above it zeros follow; unit length either way."""
        plain = [without_instruction(text) for text in texts]
        with self.warmth.use() as model:
            sentences = model.embed(plain)
        return [Embedding(_sized(s.vector, dimensions), TEXT_SPACE, s.pieces, s.truncated) for s in sentences]

    def pictures(self, files: Sequence[bytes], dimensions: int) -> Embedding:
        """One vector for one picture, or the middle of several; raises `shared.media.opener.UnreadableMedia`."""
        middle = np.mean([describe(data, dimensions) for data in files], axis=0)
        length = float(np.linalg.norm(middle)) or 1.0
        return Embedding((middle / length).astype(np.float32), IMAGE_SPACE, IMAGE_TOKENS * len(files))


def without_instruction(text: str) -> str:
    """The text itself: task prefixes go, a title stays as the first words unless it is `none`."""
    plain = _QUERY_INSTRUCTION.sub("", text, count=1)
    found = _DOCUMENT_INSTRUCTION.match(plain)
    if not found:
        return plain
    title, rest = found["title"].strip(), plain[found.end() :]
    return rest if title.lower() in ("", "none") else f"{title}\n{rest}"


def _sized(vector: np.ndarray, dimensions: int) -> np.ndarray:
    if dimensions >= WIDTH:
        return np.concatenate([vector, np.zeros(dimensions - WIDTH, dtype=np.float32)])
    cut = vector[:dimensions]
    return cut / (float(np.linalg.norm(cut)) or 1.0)
