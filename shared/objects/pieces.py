"""Pieces of content as a file to read from, and as parts of one size: nobody holds more than a part."""

import io
from collections.abc import Iterable, Iterator
from typing import Any


class PiecesFile(io.RawIOBase):
    """Reads through the pieces once, from the beginning; what they raise comes out unchanged."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._rest = b""
        self._at = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes but at the end."""
        parts, held = [self._rest], len(self._rest)
        while size < 0 or held < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            held += len(piece)
        whole = b"".join(parts)
        taken, self._rest = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        self._at += len(taken)
        return taken

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def parts_of(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Parts of `size` bytes, the last one shorter; one empty part for no content."""
    file = PiecesFile(pieces)
    first = file.read(size)
    yield first
    while len(first) == size:
        first = file.read(size)
        if first:
            yield first
