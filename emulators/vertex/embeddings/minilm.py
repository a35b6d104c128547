"""Sentences to vectors with all-MiniLM-L6-v2. English-centred; reads 256 word pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from emulators.vertex.embeddings.graph import LONGEST, session
from emulators.vertex.embeddings.weights import tensors

_BATCH_PIECES = 2_048


@dataclass(frozen=True)
class Sentence:
    """A unit vector of 384, how many word pieces the text has, and whether some were not read."""

    vector: np.ndarray
    pieces: int
    truncated: bool


class MiniLM:
    """Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._session = session(tensors(folder))

    def count(self, text: str) -> int:
        """Word pieces of a text, the begin and end marks included."""
        return len(self._tokenizer.encode(text).ids)

    def embed(self, texts: Sequence[str]) -> list[Sentence]:
        """One sentence vector per text, in order. Texts of like length share a batch, so padding costs little."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        read = [ids if len(ids) <= LONGEST else [*ids[: LONGEST - 1], ids[-1]] for ids in encoded]
        vectors: dict[int, np.ndarray] = {}
        for batch in _batches([len(ids) for ids in read]):
            vectors.update(zip(batch, self._forward([read[position] for position in batch]), strict=True))
        return [Sentence(vectors[n], len(ids), len(ids) > LONGEST) for n, ids in enumerate(encoded)]

    def _forward(self, batch: list[list[int]]) -> np.ndarray:
        longest = max(len(ids) for ids in batch)
        pieces = np.zeros((len(batch), longest), dtype=np.int64)
        present = np.zeros((len(batch), longest), dtype=np.float32)
        for row, ids in enumerate(batch):
            pieces[row, : len(ids)] = ids
            present[row, : len(ids)] = 1
        [vectors] = self._session.run(["vectors"], {"pieces": pieces, "present": present})
        return np.asarray(vectors)


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Positions in groups of like length, each group at most so many padded word pieces."""
    groups: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda n: lengths[n]):
        if groups and (len(groups[-1]) + 1) * lengths[position] <= _BATCH_PIECES:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups
