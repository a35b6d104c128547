"""A coarse copy of a block's vectors, a byte a number, for the first look: a quarter of the bytes to read.

What it says is off by at most `error`, so everybody who may belong to the answer is scored again from the exact vectors; answers
do not change, they only come sooner.
"""

from pathlib import Path

import numpy as np
import simsimd

from emulators.vertex.vectors.column import Column

_STEPS = 127
_REBUILT_ROWS = 16_384


class Coarse:
    """Files `<number>.q8` (the bytes) and `<number>.q8s` (per row: scale, and how far the copy is from the vector)."""

    def __init__(self, bytes_path: Path | None, scales_path: Path | None, dimensions: int) -> None:
        self._path = bytes_path
        self._dimensions = dimensions
        self._bytes = Column(bytes_path, np.int8, dimensions)
        self._scales = Column(scales_path, np.float32, 2)
        self._farthest: float | None = None

    def write(self, offset: int, vectors: np.ndarray) -> None:
        scale = np.abs(vectors).max(axis=1) / _STEPS
        steps = np.rint(vectors / np.where(scale > 0, scale, 1.0)[:, None]).astype(np.int8)
        residual = np.linalg.norm(vectors - steps * scale[:, None], axis=1)
        self._bytes.write(offset, steps)
        self._scales.write(offset, np.stack([scale, residual], axis=1))
        self._farthest = None

    def covers(self, rows: int) -> bool:
        """Whether the file holds these rows; one written by an older version does not."""
        if self._path is None:
            return True
        return self._path.exists() and self._path.stat().st_size >= rows * self._dimensions

    def rebuild(self, vectors: np.ndarray) -> None:
        for start in range(0, len(vectors), _REBUILT_ROWS):
            self.write(start, np.asarray(vectors[start : start + _REBUILT_ROWS]))

    def scores(self, vector: np.ndarray, start: int, end: int, rows: np.ndarray | None, total: int) -> np.ndarray:
        """Rough dot products of the rows `start` to `end` (or of `rows`), as float32."""
        scale, steps = _coarsened(vector)
        width = int(np.flatnonzero(steps)[-1]) + 1 if steps.any() else 1  # numbers the query leaves at 0 need not be read
        held = self._bytes.read(total)
        part = held[start:end, :width] if rows is None else held[rows][:, :width]
        scales = self._scales.read(total)
        scales = scales[start:end, 0] if rows is None else scales[rows, 0]
        sums = np.asarray(simsimd.cdist(steps[None, :width], part, "dot"))[0]
        return (sums * scales * scale).astype(np.float32)

    def error(self, vector: np.ndarray, rows: int, longest: float) -> float:
        """No rough score is farther from the exact one than this; `longest` is the largest norm of a row."""
        if self._farthest is None:
            self._farthest = float(self._scales.read(rows)[:, 1].max()) if rows else 0.0
        scale, steps = _coarsened(vector)
        off = float(np.linalg.norm(vector - steps * scale))
        return float(np.linalg.norm(vector)) * self._farthest + (longest + self._farthest) * off + 1e-5 * longest

    def release(self) -> None:
        self._bytes.release()
        self._scales.release()

    def close(self) -> None:
        self._bytes.close()
        self._scales.close()


def _coarsened(vector: np.ndarray) -> tuple[np.float32, np.ndarray]:
    scale = np.float32(np.abs(vector).max() / _STEPS)
    return scale, np.rint(vector / (scale or np.float32(1.0))).astype(np.int8)
