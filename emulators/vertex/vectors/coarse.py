"""A coarse copy of a block's vectors, a byte a number, for the first look: a quarter of the bytes to read.

What it says is off by at most `error`, so everybody who may belong to the answer is looked at again, first by `closer` and those
who are left from the exact vectors; answers do not change, they only come sooner.
"""

from pathlib import Path

import numpy as np
import simsimd

from emulators.vertex.vectors.column import AROUND, Column

_STEPS = 127
_WIDTH_STEP = 64
_REBUILT_ROWS = 16_384
_ROUNDED = 5e-5  # most that single precision takes off or adds, of the product of the norms


class Coarse:
    """Files `<number>.q8w<width>` (the bytes) and `<number>.q8s` (per row: scale, and how far the copy is from the vector).

    `width` is how many numbers of a vector are copied; behind it every vector of the block holds zeros.
    """

    def __init__(self, folder: Path | None, number: int, dimensions: int) -> None:
        self._folder = folder
        self._number = number
        self._dimensions = dimensions
        self._scales = Column(None if folder is None else folder / f"{number}.q8s", np.float32, 2)
        self._farthest: float | None = None
        self._use(max((int(path.name.partition("q8w")[2]) for path in self._copies()), default=min(_WIDTH_STEP, dimensions)))

    def write(self, offset: int, vectors: np.ndarray, earlier: np.ndarray) -> None:
        """Copies new rows; `earlier` are those before them, copied again where the new ones are wider."""
        if self._width_of(vectors) > self._width:
            self.rebuild(earlier, self._width_of(vectors))
        self._write(offset, vectors)

    def covers(self, rows: int) -> bool:
        """Whether the file holds these rows; one of an older version, or of a killed process, does not."""
        return self._path is None or rows * self._width <= (self._path.stat().st_size if self._path.exists() else 0)

    def rebuild(self, vectors: np.ndarray, width: int = 0) -> None:
        """Copies every row anew, at least `width` numbers of each."""
        starts = range(0, len(vectors), _REBUILT_ROWS)
        parts = (np.asarray(vectors[start : start + _REBUILT_ROWS]) for start in starts)
        self._use(max([width, *(self._width_of(part) for part in parts)], default=width))
        for start in starts:
            self._write(start, np.asarray(vectors[start : start + _REBUILT_ROWS]))
        for path in self._copies():
            if path != self._path:
                path.unlink()

    def _use(self, width: int) -> None:
        self._width = width
        self._path = None if self._folder is None else self._folder / f"{self._number}.q8w{width}"
        self._bytes = Column(self._path, np.int8, width)

    def _copies(self) -> list[Path]:
        return [] if self._folder is None else list(self._folder.glob(f"{self._number}.q8w*"))

    def _width_of(self, vectors: np.ndarray) -> int:
        used = np.flatnonzero(np.asarray(vectors).any(axis=0))
        width = int(used[-1]) + 1 if len(used) else 1
        return min(self._dimensions, -(-width // _WIDTH_STEP) * _WIDTH_STEP)

    def _write(self, offset: int, vectors: np.ndarray) -> None:
        vectors = vectors[:, : self._width]
        scale = np.abs(vectors).max(axis=1) / _STEPS
        steps = np.rint(vectors / np.where(scale > 0, scale, 1.0)[:, None]).astype(np.int8)
        residual = np.linalg.norm(vectors - steps * scale[:, None], axis=1)
        self._bytes.write(offset, steps)
        self._scales.write(offset, np.stack([scale, residual], axis=1))
        self._farthest = None

    def scores(self, vector: np.ndarray, start: int, end: int, rows: np.ndarray | None, total: int) -> np.ndarray:
        """Rough dot products of the rows `start` to `end` (or of `rows`), as float32."""
        scale, steps = _coarsened(vector)
        width = self._width
        held = self._bytes.read(total)
        part = held[start:end] if rows is None else held[rows]
        scales = self._scales.read(total)
        scales = scales[start:end, 0] if rows is None else scales[rows, 0]
        sums = np.asarray(simsimd.cdist(steps[None, :width], part, "dot"))[0]
        return (sums * scales * scale).astype(np.float32)

    def expect_scattered(self) -> None:
        """A few rows of many will be asked for, not all of them."""
        self._bytes.expect_scattered()

    def resident(self, count: int, total: int) -> int:
        """Bytes that may become resident for each of `count` rows out of `total`."""
        return min(AROUND, self.size(total) // max(count, 1))

    def size(self, rows: int) -> int:
        """Bytes of the copies of so many rows."""
        return rows * self._width

    def copy(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """The bytes of the first rows, and by how much each row's are to be multiplied."""
        return self._bytes.read(rows), self._scales.read(rows)[:, 0]

    def error(self, vector: np.ndarray, rows: int, longest: float) -> float:
        """No rough score is farther from the exact one than this; `longest` is the largest norm of a row."""
        if self._farthest is None:
            self._farthest = float(self._scales.read(rows)[:, 1].max()) if rows else 0.0
        scale, steps = _coarsened(vector)
        off = float(np.linalg.norm(vector - steps * scale))
        return float(np.linalg.norm(vector)) * self._farthest + (longest + self._farthest) * off + 1e-5 * longest

    def closer(self, vector: np.ndarray, rows: np.ndarray, total: int, longest: float) -> tuple[np.ndarray, np.ndarray]:
        """Dot products of the copies of `rows` with the vector as it is, and how far each may be from the exact one."""
        scales = self._scales.read(total)[rows]
        held = self._bytes.read(total)[rows].astype(np.float32)
        norm = np.float32(np.linalg.norm(vector))
        return (held @ vector[: self._width]) * scales[:, 0], norm * (scales[:, 1] + np.float32(_ROUNDED * longest))

    def release(self) -> None:
        self._bytes.release()
        self._scales.release()

    def close(self) -> None:
        self._bytes.close()
        self._scales.close()


def _coarsened(vector: np.ndarray) -> tuple[np.float32, np.ndarray]:
    scale = np.float32(np.abs(vector).max() / _STEPS)
    return scale, np.rint(vector / (scale or np.float32(1.0))).astype(np.int8)
