"""One contiguous run of vectors with the restrict codes beside them, append-only; dead rows are masked until compaction."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from emulators.vertex.vectors.coarse import Coarse
from emulators.vertex.vectors.column import Column
from emulators.vertex.vectors.restricts import NUMBER, Rule, TokenRule
from emulators.vertex.vectors.sketch import Sketch, worth_it

_SCAN_ROWS = 16_384
Touch = Callable[[int], None]


class Block:
    """In memory where `folder` is `None`, else files.

    `<number>.vec` holds the vectors, `<number>.q8w<width>` and `.q8s` their coarse copy, `<number>.<ns>.tok` and `.num` the
    restricts.
    """

    def __init__(self, number: int, *, dimensions: int, folder: Path | None, rows: int, longest: float, dead: np.ndarray) -> None:
        self.number = number
        self.rows = rows
        self.longest = longest
        self._dimensions = dimensions
        self._folder = folder
        self._live = np.ones(max(rows, 1), dtype=bool)
        self._live[dead] = False
        self.dead = len(dead)
        self._vectors = Column(self._path("vec"), np.float32, dimensions)
        self._coarse = Coarse(folder, number, dimensions)
        self._sketch = Sketch()
        if not self._coarse.covers(rows):
            self._coarse.rebuild(self._vectors.read(rows))
        self._columns: dict[tuple[int, str], Column] = {}
        if folder is not None:
            for path in folder.glob(f"{number}.*.*"):
                _, ns, kind = path.name.split(".")
                self._column(int(ns), kind)

    @property
    def living(self) -> int:
        return self.rows - self.dead

    def write(self, vectors: np.ndarray, codes: dict[int, np.ndarray], numbers: dict[int, np.ndarray]) -> None:
        """Puts new rows behind the last one; they count only after `admit`.

        Every column the block has is written, zeros where these rows hold nothing: a killed process may have left bytes there.
        """
        for ns in codes:
            self._column(ns, "tok")
        for ns in numbers:
            self._column(ns, "num")
        for (ns, kind), column in self._columns.items():
            values = (codes if kind == "tok" else numbers).get(ns)
            column.write(self.rows, np.zeros(len(vectors), _DTYPES[kind]) if values is None else values)
        self._coarse.write(self.rows, vectors, self._vectors.read(self.rows))
        self._vectors.write(self.rows, vectors)

    def admit(self, count: int, longest: float) -> None:
        """Makes `count` written rows part of the block."""
        self.rows += count
        self.longest = max(self.longest, longest)
        if self.rows > len(self._live):
            grown = np.ones(self.rows * 3 // 2 + 64, dtype=bool)
            grown[: len(self._live)] = self._live
            self._live = grown

    def bury(self, rows: Sequence[int]) -> None:
        """Masks rows; each is living until now."""
        self._live[list(rows)] = False
        self.dead += len(rows)

    def living_rows(self) -> np.ndarray:
        return np.flatnonzero(self._live[: self.rows])

    def select(self, rules: Sequence[Rule]) -> np.ndarray | None:
        """Rows that pass every rule and are alive, ascending; `None` means every row of the block."""
        passing = self._live[: self.rows].copy() if self.dead else np.ones(self.rows, dtype=bool)
        for rule in rules:
            kind = "tok" if isinstance(rule, TokenRule) else "num"
            column = self._columns.get((rule.ns, kind))
            held = column.read(self.rows) if column else np.zeros(self.rows, _DTYPES[kind])
            passing &= rule.passes(held)
        return None if passing.all() else np.flatnonzero(passing)

    def likely(self, vector: np.ndarray, rows: np.ndarray | None, count: int, touch: Touch) -> np.ndarray | None:
        """Of very many rows those that may be among the `count` nearest of `vector`, else `rows` as they are."""
        if not worth_it(self.rows if rows is None else len(rows), count):
            return rows
        self._sketch.follow(*self._coarse.copy(self.rows), touch)
        self._coarse.expect_scattered()
        return self._sketch.likely(vector, count, rows)

    def rough_scores(self, vector: np.ndarray, rows: np.ndarray | None, touch: Touch) -> np.ndarray:
        """Dot products of `rows` (all rows for `None`) with `vector`, in that order, off by at most `error`.

        `touch` is told how many bytes may have become resident after each chunk.
        """
        if rows is not None and len(rows) * 3 > self.rows:  # reading through beats picking out
            return self.rough_scores(vector, None, touch)[rows]
        count = self.rows if rows is None else len(rows)
        out = np.empty(count, dtype=np.float32)
        for start in range(0, count, _SCAN_ROWS):
            end = min(start + _SCAN_ROWS, count)
            chosen = None if rows is None else rows[start:end]
            out[start:end] = self._coarse.scores(vector, start, end, chosen, self.rows)
            touch((end - start) * self._coarse.resident(count, self.rows))
        return out

    def error(self, vector: np.ndarray) -> float:
        return self._coarse.error(vector, self.rows, self.longest)

    def closer_scores(self, vector: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Dot products of a few rows, and how far each may be off: much less than `error`."""
        return self._coarse.closer(vector, rows, self.rows, self.longest)

    def vectors_at(self, rows: np.ndarray) -> np.ndarray:
        """A copy of some rows."""
        return self._vectors.pick(rows)

    def copy_living_to(self, target: "Block", touch: Touch) -> np.ndarray:
        """Appends the living rows to an empty block, chunk by chunk, admitting them; answers which rows they were."""
        kept = self.living_rows()
        for start in range(0, len(kept), _SCAN_ROWS):
            rows = kept[start : start + _SCAN_ROWS]
            vectors = self.vectors_at(rows)
            held = {key: column.read(self.rows)[rows] for key, column in self._columns.items()}
            codes = {ns: values for (ns, kind), values in held.items() if kind == "tok"}
            numbers = {ns: values for (ns, kind), values in held.items() if kind == "num"}
            target.write(vectors, codes, numbers)
            target.admit(len(rows), self.longest)
            touch(vectors.nbytes)
        return kept

    @property
    def mapped(self) -> int:
        """Bytes that can be resident at most for searches."""
        return self._coarse.size(self.rows)

    def release(self) -> None:
        self._vectors.release()
        self._coarse.release()

    def close(self) -> None:
        self._coarse.close()
        for column in (self._vectors, *self._columns.values()):
            column.close()

    def remove_files(self) -> None:
        self.close()
        if self._folder is not None:
            for path in self._folder.glob(f"{self.number}.*"):
                path.unlink(missing_ok=True)

    def _column(self, ns: int, kind: str) -> Column:
        if (ns, kind) not in self._columns:
            self._columns[ns, kind] = Column(self._path(f"{ns}.{kind}"), _DTYPES[kind])
        return self._columns[ns, kind]

    def _path(self, rest: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{self.number}.{rest}"


_DTYPES: dict[str, np.dtype] = {"tok": np.dtype(np.int32), "num": NUMBER}
