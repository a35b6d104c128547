"""A seekable file over ranged reads, so that media in a bucket is never downloaded whole."""

import io
from collections import OrderedDict
from collections.abc import Callable

from typing_extensions import Buffer

BLOCK_BYTES = 8 * 1024 * 1024
KEPT_BLOCKS = 4


class ShortRead(OSError):
    """The store gave fewer bytes than the object has; a fault of the store, worth a retry."""


class RangedFile(io.RawIOBase):
    """Reads an object of `size` bytes through `read(start, count)`, in aligned blocks of which a few are kept.

    Not for several threads at once. What `read` raises comes out unchanged.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        size: int,
        *,
        block_bytes: int = BLOCK_BYTES,
        kept_blocks: int = KEPT_BLOCKS,
    ) -> None:
        super().__init__()
        if size < 0 or block_bytes < 1 or kept_blocks < 1:
            raise ValueError("a ranged file needs a size of 0 or more, and at least one block")
        self._fetch = read
        self.size = size
        self._block_bytes = block_bytes
        self._kept_blocks = kept_blocks
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}.get(whence)
        if base is None:
            raise ValueError(f"unknown whence {whence}")
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._at < self.size:
            number, inside = divmod(self._at, self._block_bytes)
            piece = self._block(number)[inside : inside + len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._at += len(piece)
        return filled

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            start = number * self._block_bytes
            wanted = min(self._block_bytes, self.size - start)
            block = self._fetch(start, wanted)
            if len(block) != wanted:
                raise ShortRead(f"asked for {wanted} bytes at {start}, got {len(block)}")
            self._blocks[number] = block
            while len(self._blocks) > self._kept_blocks:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return block

    def close(self) -> None:
        self._blocks.clear()
        super().close()
