"""One bit a number: which rows of a large block are worth a look at all.

Whether a number of a vector is above the middle of all vectors, for every number, says much about where the vector points: of two
near ones most bits are the same. Counting the bits that differ reads an eighth of what the coarse copy holds. It is a guess, not
a bound, so many more are kept than asked for; what they score is exact all the same. Of thousands that are nearly the same, some
may stand for others that are nearer by a hair.
"""

from collections.abc import Callable

import numpy as np
import simsimd

_FROM_ROWS = 32_768  # of fewer every one is looked at
_KEPT = 2_048
_KEPT_EACH = 16
_AT_ONCE = 16_384


class Sketch:
    """In memory, made of the coarse copy when first asked and longer as that grows; 48 bytes a row of 384 numbers."""

    def __init__(self) -> None:
        self._middle = np.zeros(0, dtype=np.float32)
        self._bits = np.zeros((0, 0), dtype=np.uint8)
        self._rows = 0
        self._placed = 0

    def follow(self, steps: np.ndarray, scales: np.ndarray, touch: Callable[[int], None]) -> None:
        """Learns the rows it does not know, from the coarse copy of every row of the block; `touch` is told what it read."""
        rows, width = steps.shape
        if len(self._middle) != width or rows > 2 * self._placed:
            self._middle = _middle(steps, scales)
            self._rows, self._placed = 0, rows
            self._bits = np.zeros((0, -(-width // 8)), dtype=np.uint8)
        if rows > len(self._bits):
            grown = np.empty((rows * 5 // 4, self._bits.shape[1]), dtype=np.uint8)
            grown[: self._rows] = self._bits[: self._rows]
            self._bits = grown
        for start in range(self._rows, rows, _AT_ONCE):
            part = slice(start, min(start + _AT_ONCE, rows))
            self._bits[part] = _signs(steps[part] * scales[part, None], self._middle)
            touch((part.stop - start) * width)
        self._rows = rows

    def likely(self, vector: np.ndarray, count: int, rows: np.ndarray | None) -> np.ndarray:
        """Of `rows` (of all for `None`) those that may be among the `count` nearest of a vector, ascending."""
        asked = _signs(vector[None, : len(self._middle)], self._middle)
        bits = self._bits[: self._rows] if rows is None else self._bits[rows]
        differing = np.asarray(simsimd.cdist(asked, bits, metric="hamming", dtype="bin8"))[0]
        most = np.partition(differing, _kept(count))[_kept(count)]
        near = np.flatnonzero(differing <= most)  # all that are as near as the last of them: the same whatever the order
        return near if rows is None else rows[near]


def worth_it(rows: int, count: int) -> bool:
    """Whether a first look by bits spares anything."""
    return rows >= max(_FROM_ROWS, 4 * _kept(count))


def _kept(count: int) -> int:
    return max(_KEPT, count * _KEPT_EACH)


def _middle(steps: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The mean of rows from everywhere in the block."""
    some = np.linspace(0, len(steps) - 1, min(len(steps), _AT_ONCE)).astype(np.int64)
    return (steps[some] * scales[some, None]).mean(axis=0).astype(np.float32)


def _signs(values: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.packbits(values > middle, axis=1)
