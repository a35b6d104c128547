"""Copies of table files on this instance's disk. A version's files never change, so a copy is good for as long as it is there."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from shared.config import Settings
from shared.domain.tables import RunTables, tables_prefix
from shared.objects import buckets
from shared.objects.buckets import NoSuchObject, Objects
from shared.tables import leftovers

MOST_BYTES = 1024 * 1024 * 1024
_PIECE = 8 * 1024 * 1024


class TablesMoved(Exception):
    """The version was replaced while it was being read: look the run's tables up again."""


class FileCache:
    """Files by their object's name, the ones used longest ago removed first. Safe for threads."""

    def __init__(self, objects: Objects, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._objects = objects
        self._folder = folder
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self._sizes: dict[str, int] = {}  # in the order of last use
        self._held: dict[str, int] = {}

    @contextmanager
    def hold(self, tables: list[RunTables], wanted: set[str] | None = None) -> Iterator[dict[str, dict[str, list[Path]]]]:
        """Run → physical table → its files, all of them local and kept until the block is left.

        `wanted` narrows it to some physical tables. Raises `TablesMoved`.
        """
        names: list[str] = []
        local: dict[str, dict[str, list[Path]]] = {}
        try:
            for one in tables:
                prefix = tables_prefix(one.tenant, one.run_id, one.published)
                for file in one.files:
                    if wanted is None or file["table"] in wanted:
                        name = prefix + file["name"]
                        self._hold(name)
                        names.append(name)
                        local.setdefault(one.run_id, {}).setdefault(file["table"], []).append(self._local(name))
            yield local
        finally:
            for name in names:
                self._release(name)

    def _hold(self, name: str) -> None:
        with self._lock:
            self._held[name] = self._held.get(name, 0) + 1

    def _release(self, name: str) -> None:
        with self._lock:
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]
            self._make_room()

    def _local(self, name: str) -> Path:
        path = self._folder / name.replace("/", "~")
        with self._lock:
            if name in self._sizes:
                self._sizes[name] = self._sizes.pop(name)
                return path
            mine = self._fetching.setdefault(name, threading.Lock())
        with mine:
            if name not in self._sizes:
                size = self._fetch(name, path)
                with self._lock:
                    self._sizes[name] = size
                    self._fetching.pop(name, None)
                    self._make_room()
        return path

    def _fetch(self, name: str, path: Path) -> int:
        """By ranged reads into a file beside it, so that a half one is never found."""
        try:
            info = self._objects.stat(f"gs://{self._objects.derived}/{name}")
            with (
                tempfile.NamedTemporaryFile(dir=self._folder, prefix="part-", delete=False) as target,
                self._objects.open(info) as source,
            ):
                shutil.copyfileobj(source, target, _PIECE)
            Path(target.name).chmod(0o444)
            Path(target.name).replace(path)
        except NoSuchObject as error:
            raise TablesMoved(name) from error
        return info.size

    def _make_room(self) -> None:
        """Called with the lock held."""
        for name in list(self._sizes):
            if sum(self._sizes.values()) <= self._most_bytes:
                return
            if name not in self._held:
                del self._sizes[name]
                with suppress(FileNotFoundError):
                    (self._folder / name.replace("/", "~")).unlink()


@cache
def connect(settings: Settings) -> FileCache:
    """The process's one cache, in a folder of its own that goes with it."""
    leftovers.sweep()
    folder = tempfile.TemporaryDirectory(prefix=leftovers.prefix("tables"))
    _KEPT.append(folder)
    return FileCache(buckets.connect(settings), Path(folder.name))


_KEPT: list[tempfile.TemporaryDirectory] = []  # removed when the process ends
