"""all-MiniLM-L6-v2 in numpy: six BERT layers, mean pooling, unit length. English-centred; reads 256 word pieces."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from emulators.vertex.embeddings.weights import tensors

WIDTH = 384
LONGEST = 256  # word pieces, with the two that mark begin and end
_LAYERS = 6
_HEADS = 12
_HEAD = WIDTH // _HEADS
_BATCH_PIECES = 2_048
_GELU_ROWS = 64


@dataclass(frozen=True)
class Sentence:
    """A unit vector of 384, how many word pieces the text has, and whether some were not read."""

    vector: np.ndarray
    pieces: int
    truncated: bool


class MiniLM:
    """Safe for threads: one text batch at a time, since numpy's own threads already fill the cores."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        held = tensors(folder)
        self._words = held["embeddings.word_embeddings.weight"]
        self._places = (
            held["embeddings.position_embeddings.weight"][:LONGEST] + held["embeddings.token_type_embeddings.weight"][0]
        )
        self._first_norm = _Norm(held, "embeddings.LayerNorm")
        self._layers = [_Layer(held, f"encoder.layer.{number}") for number in range(_LAYERS)]
        self._lock = threading.Lock()

    def count(self, text: str) -> int:
        """Word pieces of a text, the begin and end marks included."""
        return len(self._tokenizer.encode(text).ids)

    def embed(self, texts: Sequence[str]) -> list[Sentence]:
        """One sentence vector per text, in order. Texts of like length share a batch, so padding costs little."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        read = [ids if len(ids) <= LONGEST else [*ids[: LONGEST - 1], ids[-1]] for ids in encoded]
        vectors: dict[int, np.ndarray] = {}
        for batch in _batches([len(ids) for ids in read]):
            with self._lock:
                found = self._forward([read[position] for position in batch])
            vectors.update(zip(batch, found, strict=True))
        return [Sentence(vectors[n], len(ids), len(ids) > LONGEST) for n, ids in enumerate(encoded)]

    def _forward(self, batch: list[list[int]]) -> np.ndarray:
        longest = max(len(ids) for ids in batch)
        pieces = np.zeros((len(batch), longest), dtype=np.int64)
        present = np.zeros((len(batch), longest), dtype=np.float32)
        for row, ids in enumerate(batch):
            pieces[row, : len(ids)] = ids
            present[row, : len(ids)] = 1
        hidden = self._first_norm(self._words[pieces] + self._places[:longest])
        bias = ((1 - present) * np.float32(-1e9))[:, None, None, :] if present.min() == 0 else None
        for layer in self._layers:
            hidden = layer(hidden, bias)
        pooled = (hidden * present[:, :, None]).sum(axis=1) / present.sum(axis=1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


class _Norm:
    """Layer normalisation with learned scale and shift."""

    def __init__(self, held: dict[str, np.ndarray], name: str) -> None:
        self._scale, self._shift = held[f"{name}.weight"], held[f"{name}.bias"]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        centred = values - values.mean(axis=-1, keepdims=True)
        spread = np.einsum("...i,...i->...", centred, centred)[..., None] / np.float32(WIDTH)
        centred *= self._scale / np.sqrt(spread + np.float32(1e-12))
        centred += self._shift
        return centred


class _Layer:
    """Self-attention and feed-forward, each with its residual and norm."""

    def __init__(self, held: dict[str, np.ndarray], name: str) -> None:
        def dense(part: str) -> tuple[np.ndarray, np.ndarray]:
            return np.ascontiguousarray(held[f"{name}.{part}.weight"].T), held[f"{name}.{part}.bias"]

        three = [dense(f"attention.self.{part}") for part in ("query", "key", "value")]
        self._look = np.concatenate([weight for weight, _ in three], axis=1), np.concatenate([bias for _, bias in three])
        self._gather = dense("attention.output.dense")
        self._widen = dense("intermediate.dense")
        self._narrow = dense("output.dense")
        self._look_norm = _Norm(held, f"{name}.attention.output.LayerNorm")
        self._think_norm = _Norm(held, f"{name}.output.LayerNorm")

    def __call__(self, hidden: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        rows, length, _ = hidden.shape
        flat = hidden.reshape(rows * length, WIDTH)
        looked = _dense(self._attend(flat, rows, length, bias), self._gather)
        looked += flat
        seen = self._look_norm(looked)
        wide = _dense(seen, self._widen)
        _gelu(wide)
        thought = _dense(wide, self._narrow)
        thought += seen
        return self._think_norm(thought).reshape(rows, length, WIDTH)

    def _attend(self, flat: np.ndarray, rows: int, length: int, bias: np.ndarray | None) -> np.ndarray:
        split = _dense(flat, self._look).reshape(rows, length, 3, _HEADS, _HEAD).transpose(2, 0, 3, 1, 4)
        query, key, value = split[0] * np.float32(_HEAD**-0.5), split[1], split[2]
        weights = query @ key.transpose(0, 1, 3, 2)
        if bias is not None:
            weights += bias
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=-1, keepdims=True)
        return (weights @ value).transpose(0, 2, 1, 3).reshape(rows * length, WIDTH)


def _dense(values: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    out = values @ weights[0]
    out += weights[1]
    return out


def _gelu(values: np.ndarray) -> None:
    """x * Phi(x), in place and a few rows at a time so that the steps stay in cache.

    The error function is Abramowitz and Stegun 7.1.26, off by at most 1.5e-7.
    """
    coefficients = [np.float32(c) for c in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)]
    for start in range(0, len(values), _GELU_ROWS):
        x = values[start : start + _GELU_ROWS]
        z = np.abs(x)
        z *= np.float32(0.7071067811865476)
        t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
        tail = t * coefficients[0]
        for coefficient in coefficients[1:]:
            tail += coefficient
            tail *= t
        np.multiply(z, z, out=z)
        np.negative(z, out=z)
        tail *= np.exp(z, out=z)
        tail *= np.float32(0.5)  # now the smaller of Phi(x) and 1 - Phi(x)
        x *= np.where(x < 0, tail, np.float32(1) - tail)


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Positions in groups of like length, each group at most so many padded word pieces."""
    groups: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda n: lengths[n]):
        if groups and (len(groups[-1]) + 1) * lengths[position] <= _BATCH_PIECES:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups
