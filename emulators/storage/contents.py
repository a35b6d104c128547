"""The bytes of objects: one file each under a generated name, written beside and renamed when whole.

An object's own name is never part of a path. Files under `incoming` are drafts; everything else is whole.
"""

import os
import secrets
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from .checksums import Checksums

BLOCK = 1 << 20
INCOMING = "incoming"


class Draft:
    """A file being written. It is nobody's object until `Contents.keep` has taken it."""

    def __init__(self, path: Path, sums: Checksums) -> None:
        self.path = path
        self.sums = sums
        self._file = path.open("r+b", buffering=0)
        self._file.seek(sums.size)
        self._file.truncate()

    @property
    def size(self) -> int:
        return self.sums.size

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.sums.update(data)

    def close(self) -> None:
        self._file.close()

    def discard(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


class Contents:
    """A folder of files named by random ids; `root=None` is a private one that goes with the process."""

    def __init__(self, root: Path | None) -> None:
        self._private = tempfile.TemporaryDirectory(prefix="objects-") if root is None else None
        self._root = root if root is not None else Path(self._private.name)  # type: ignore[union-attr]
        (self._root / INCOMING).mkdir(parents=True, exist_ok=True)

    def draft(self) -> Draft:
        path = self._root / INCOMING / secrets.token_hex(16)
        path.touch()
        return Draft(path, Checksums())

    def reopen(self, draft_id: str, size: int, sums: Checksums | None) -> Draft:
        """Goes on with a draft at `size` bytes; what was written after them is dropped. Without sums it reads it again."""
        path = self._root / INCOMING / draft_id
        if sums is None or sums.size != size:
            sums = _sums_of(path, size)
        return Draft(path, sums)

    def keep(self, draft: Draft) -> str:
        """Makes the draft a whole content and answers its id."""
        draft.close()
        content = secrets.token_hex(16)
        draft.path.rename(self._place(content))
        return content

    def duplicate(self, content: str) -> str:
        """Another id for the same bytes, which outlives the first; contents are never changed in place."""
        twin = secrets.token_hex(16)
        os.link(self._path(content), self._place(twin))
        return twin

    def open(self, content: str) -> BinaryIO:
        return self._path(content).open("rb", buffering=0)

    def remove(self, content: str) -> None:
        self._path(content).unlink(missing_ok=True)

    def remove_draft(self, draft_id: str) -> None:
        (self._root / INCOMING / draft_id).unlink(missing_ok=True)

    def sweep(self, contents: Collection[str], drafts: Collection[str]) -> int:
        """Removes what a killed process left behind: files that no row names. Answers how many."""
        removed = 0
        for folder in self._root.iterdir():
            wanted = drafts if folder.name == INCOMING else contents
            for entry in os.scandir(folder):
                if entry.name not in wanted:
                    Path(entry.path).unlink()
                    removed += 1
        return removed

    def _place(self, content: str) -> Path:
        """Where a new content goes; its folder is there."""
        path = self._path(content)
        path.parent.mkdir(exist_ok=True)
        return path

    def _path(self, content: str) -> Path:
        return self._root / content[:2] / content


def _sums_of(path: Path, size: int) -> Checksums:
    sums = Checksums()
    with path.open("rb", buffering=0) as file:
        while sums.size < size:
            block = file.read(min(BLOCK, size - sums.size))
            if not block:
                raise OSError(f"a draft holds {sums.size} bytes where {size} were acknowledged")
            sums.update(block)
    return sums
