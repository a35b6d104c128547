"""A growing array of fixed-width rows in a file: written with `pwrite`, read through a memory map, or held in memory.

Writing never goes through the map: a full disk is then an error, not a SIGBUS. What `pwrite` took belongs to the kernel, so a
killed process loses none of it.
"""

import mmap
import os
from pathlib import Path

import numpy as np

_SMALLEST = 1 << 16
AROUND = 65_536  # bytes that the kernel maps around one fault, wherever its cache holds them, whatever it was told of the order


class Column:
    """Rows never written read as zeros. Not safe for threads; the engine's lock covers it."""

    def __init__(self, path: Path | None, dtype: np.dtype | type, width: int = 1) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._width = width
        self._row_bytes = self._dtype.itemsize * width
        self._map: mmap.mmap | None = None
        self._scattered = False
        self._array = self._shaped(np.zeros(0, dtype=self._dtype))

    def write(self, offset: int, values: np.ndarray) -> None:
        """Puts `values` at row `offset`, growing as needed."""
        values = np.ascontiguousarray(values, dtype=self._dtype)
        end = offset + len(values)
        if self._path is None:
            self._grow_memory(end)
            self._array[offset:end] = self._shaped(values)
            return
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _write_fully(handle, values.reshape(-1).view(np.uint8).data, offset * self._row_bytes)
        finally:
            os.close(handle)

    def read(self, rows: int) -> np.ndarray:
        """The first `rows` rows as a view that later writes show through; valid until the column is closed."""
        if len(self._array) < rows:
            if self._path is None:
                self._grow_memory(rows)
            else:
                self._remap(rows)
        return self._array[:rows]

    def pick(self, rows: np.ndarray) -> np.ndarray:
        """A copy of scattered rows, read one by one: no page of the map becomes resident for them."""
        if self._path is None:
            return self.read(int(rows.max()) + 1 if len(rows) else 0)[rows]
        out = np.empty((len(rows), self._width), dtype=self._dtype)
        handle = os.open(self._path, os.O_RDONLY)
        try:
            if hasattr(os, "posix_fadvise"):  # told of all of them first, a disk fetches them side by side
                for row in rows.tolist():
                    os.posix_fadvise(handle, row * self._row_bytes, self._row_bytes, os.POSIX_FADV_WILLNEED)
            for place, row in zip(out, rows.tolist(), strict=True):
                os.preadv(handle, [place.view(np.uint8).data], row * self._row_bytes)
        finally:
            os.close(handle)
        return out if self._width > 1 else out.reshape(-1)

    def expect_scattered(self) -> None:
        """Says that rows here and there will be read: the kernel then fetches their pages alone, not those around."""
        if not self._scattered:
            self._scattered = True
            self._advise()

    def release(self) -> None:
        """Gives the resident pages back to the kernel; the next read brings them in again from its cache."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Drops the map (the file stays); a column in memory keeps its rows."""
        if self._path is not None:
            self._map = None
            self._array = self._shaped(np.zeros(0, dtype=self._dtype))

    def _advise(self) -> None:
        if self._scattered and self._map is not None and hasattr(mmap, "MADV_RANDOM"):
            self._map.madvise(mmap.MADV_RANDOM)

    def _shaped(self, flat: np.ndarray) -> np.ndarray:
        return flat.reshape(-1, self._width) if self._width > 1 else flat.reshape(-1)

    def _grow_memory(self, rows: int) -> None:
        if rows <= len(self._array):
            return
        grown = self._shaped(np.zeros(max(rows, len(self._array) * 3 // 2) * self._width, dtype=self._dtype))
        grown[: len(self._array)] = self._array
        self._array = grown

    def _remap(self, rows: int) -> None:
        """Maps room to grow, half as much again, so that appending does not map anew each time; the hole costs no disk."""
        size = max(rows * self._row_bytes * 3 // 2, _SMALLEST)
        size -= size % self._row_bytes
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)  # type: ignore[arg-type]
        try:
            size = max(size, os.fstat(handle).st_size // self._row_bytes * self._row_bytes)
            if os.fstat(handle).st_size < size:
                os.ftruncate(handle, size)
            self._map = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
        finally:
            os.close(handle)
        self._advise()
        self._array = self._shaped(np.frombuffer(self._map, dtype=self._dtype))


def _write_fully(handle: int, data: memoryview, position: int) -> None:
    while data:
        written = os.pwrite(handle, data, position)
        data, position = data[written:], position + written
