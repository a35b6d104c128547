"""The vector index: declared indexes, blocks by partition, and the lock over both. No sockets, no threads of its own."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from emulators.vertex.vectors import packing
from emulators.vertex.vectors.block import Block
from emulators.vertex.vectors.datapoint import BadDatapoint, Datapoint, IndexSpec, Neighbor, Query, UnknownIndex
from emulators.vertex.vectors.manifest import BlockRow, Entry, Manifest, Place
from emulators.vertex.vectors.restricts import block_key
from emulators.vertex.vectors.search import Search

_RESIDENT_BYTES = 128 * 1024 * 1024
_OPEN_BLOCKS = 512
_COMPACT_FROM = 4_096


class VectorEngine:
    """Search by dot product, exact but for very large blocks, where a first look (see `sketch`) says which rows are scored.

    Every call that returned is durable against a killed process.

    With `folder` the vectors are files there and the manifest is `database`; without, everything is in memory.
    """

    def __init__(
        self,
        specs: Iterable[IndexSpec],
        *,
        database: Path | None = None,
        folder: Path | None = None,
        compact_from: int = _COMPACT_FROM,
    ) -> None:
        self._manifest = Manifest(database)
        self._folder = folder
        self._compact_from = compact_from
        self._lock = threading.Lock()
        self._touched = 0
        self._specs = {spec.index: spec for spec in specs}
        self._numbers = {name: self._manifest.index_number(name, spec.dimensions) for name, spec in self._specs.items()}
        self._known: dict[int, BlockRow] = {row.block: row for row in self._manifest.blocks()}
        self._open: OrderedDict[int, Block] = OrderedDict()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._sweep(folder)

    # -- declared names

    def spec(self, name: str) -> IndexSpec:
        """The declared index a resource name means."""
        return _named(self._specs.values(), name, "index")

    def endpoint(self, name: str, deployed_index_id: str | None = None) -> IndexSpec:
        """The index deployed on an endpoint; with an id, the one deployed under it."""
        on_endpoint = [spec for spec in self._specs.values() if _same(spec.endpoint, name)]
        if deployed_index_id is not None:
            on_endpoint = [spec for spec in on_endpoint if spec.deployed_index_id == deployed_index_id]
        if not on_endpoint:
            raise UnknownIndex(f"{name} has no deployed index {deployed_index_id or ''}".rstrip())
        return on_endpoint[0]

    # -- writing

    def upsert(self, spec: IndexSpec, datapoints: Sequence[Datapoint]) -> None:
        """Adds datapoints or replaces those of the same id, all or none; of one id given twice the last counts."""
        for point in datapoints:
            packing.check(point, spec)
        latest = {point.id: point for point in datapoints}
        if not latest:
            return
        idx = self._numbers[spec.index]
        with self._lock:
            groups: dict[str, list[Datapoint]] = {}
            for point in latest.values():
                groups.setdefault(packing.key_text(block_key(point.restricts, spec.partition_by)), []).append(point)
            fresh: set[int] = set()
            try:
                with self._manifest.transaction():
                    replaced = self._manifest.places(idx, list(latest))
                    written = [self._append(idx, spec, key, points, fresh) for key, points in groups.items()]
                    self._manifest.bury(
                        replaced.values()
                    )  # after the appends: a block opened for one must not see its rows dead yet
            except BaseException:
                for number in fresh:
                    self._forget(number)
                raise
            for block, count, longest in written:
                block.admit(count, longest)
                self._known[block.number] = BlockRow(block.number, idx, self._known[block.number].key, block.rows, block.longest)
            self._mask(replaced.values())
            self._compact({place.block for place in replaced.values()}, spec)

    def remove(self, spec: IndexSpec, ids: Sequence[str]) -> None:
        """Deletes datapoints at once; ids that are not there are passed over."""
        idx = self._numbers[spec.index]
        with self._lock:
            with self._manifest.transaction():
                places = self._manifest.places(idx, list(dict.fromkeys(ids)))
                self._manifest.delete(idx, places)
                self._manifest.bury(places.values())
            self._mask(places.values())
            self._compact({place.block for place in places.values()}, spec)

    # -- reading

    def find(self, spec: IndexSpec, queries: Sequence[Query], *, full: bool = False) -> list[list[Neighbor]]:
        """The nearest neighbours of each query, nearest first; with `full` they carry their whole datapoints."""
        for query in queries:
            packing.check_query(query, spec)
        with self._lock:
            search = Search(self._manifest, lambda: self._blocks_of(spec), spec.partition_by, self._touch)
            found = [search.neighbors(query) for query in queries]
            if full:
                ids = list({neighbor.id for answers in found for neighbor in answers})
                points = {point.id: point for point in self._read(spec, ids)}
                for neighbor in (neighbor for answers in found for neighbor in answers):
                    neighbor.full = points[neighbor.id]
            return found

    def read(self, spec: IndexSpec, ids: Sequence[str]) -> list[Datapoint]:
        """Whole datapoints in the order asked; unknown ids are left out."""
        with self._lock:
            return self._read(spec, ids)

    def count(self, spec: IndexSpec) -> int:
        with self._lock:
            return self._manifest.count(self._numbers[spec.index])

    def clear(self) -> None:
        """Forgets every datapoint of every index."""
        with self._lock:
            with self._manifest.transaction():
                self._manifest.forget_everything()
            for number in list(self._known):
                self._forget(number)

    def close(self) -> None:
        with self._lock:
            for block in self._open.values():
                block.close()
            self._open.clear()
            self._manifest.close()

    # -- below the lock

    def _append(self, idx: int, spec: IndexSpec, key: str, points: list[Datapoint], fresh: set[int]) -> tuple[Block, int, float]:
        number = next((row.block for row in self._known.values() if row.idx == idx and row.key == key), None)
        if number is None:
            number = self._new_block(idx, key)
            fresh.add(number)
        block = self._block(number)
        vectors = np.stack([np.asarray(point.vector, dtype=np.float32) for point in points])
        longest = float(np.linalg.norm(vectors, axis=1).max())
        codes, numbers = packing.columns(self._manifest, points)
        block.write(vectors, codes, numbers)
        rows = range(block.rows, block.rows + len(points))
        entries = [Entry(p.id, row, p.crowding, packing.extra_text(p)) for p, row in zip(points, rows, strict=True)]
        self._manifest.put(idx, number, entries)
        self._manifest.put_sparse(number, packing.postings(points, rows))
        self._manifest.set_rows(number, block.rows + len(points), max(block.longest, longest))
        return block, len(points), longest

    def _read(self, spec: IndexSpec, ids: Sequence[str]) -> list[Datapoint]:
        places = self._manifest.places(self._numbers[spec.index], ids)
        by_block: dict[int, list[int]] = {}
        for place in places.values():
            by_block.setdefault(place.block, []).append(place.row)
        points: dict[str, Datapoint] = {}
        for number, held in by_block.items():
            rows = np.array(sorted(held))
            vectors = dict(zip(rows.tolist(), self._block(number).vectors_at(rows), strict=True))
            for entry in self._manifest.entries(number, rows, with_extra=True):
                points[entry.id] = packing.datapoint(entry, vectors[entry.row])
        return [points[point] for point in dict.fromkeys(ids) if point in points]

    def _blocks_of(self, spec: IndexSpec) -> Iterable[tuple[tuple[str | None, ...], Block]]:
        idx = self._numbers[spec.index]
        for row in [row for row in self._known.values() if row.idx == idx]:
            yield packing.key_parts(row.key), self._block(row.block)

    def _block(self, number: int) -> Block:
        block = self._open.get(number)
        if block is None:
            known = self._known[number]
            dimensions = next(spec.dimensions for name, spec in self._specs.items() if self._numbers[name] == known.idx)
            dead = self._manifest.dead_rows(number)
            block = Block(number, dimensions=dimensions, folder=self._folder, rows=known.rows, longest=known.longest, dead=dead)
            self._open[number] = block
            if self._folder is not None and len(self._open) > _OPEN_BLOCKS:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(number)
        return block

    def _new_block(self, idx: int, key: str) -> int:
        number = self._manifest.add_block(idx, key)
        self._known[number] = BlockRow(number, idx, key, 0, 0.0)
        return number

    def _forget(self, number: int) -> None:
        self._block(number).remove_files()
        del self._open[number], self._known[number]

    def _mask(self, places: Iterable[Place]) -> None:
        by_block: dict[int, list[int]] = {}
        for place in places:
            by_block.setdefault(place.block, []).append(place.row)
        for number, rows in by_block.items():
            block = self._open.get(number)
            if block is not None:  # a block opened later reads its dead rows from the manifest
                block.bury(rows)

    def _compact(self, numbers: Iterable[int], spec: IndexSpec) -> None:
        """Drops blocks nobody lives in, and rewrites those where the dead outnumber the living."""
        for number in numbers:
            block = self._block(number)
            if block.living and block.dead <= max(self._compact_from, block.living):
                continue
            if block.living:
                self._rewrite(block, spec)
            else:
                with self._manifest.transaction():
                    self._manifest.drop_block(number)
            self._forget(number)

    def _rewrite(self, block: Block, spec: IndexSpec) -> None:
        known = self._known[block.number]
        fresh: set[int] = set()
        try:
            with self._manifest.transaction():
                number = self._new_block(known.idx, known.key)
                fresh.add(number)
                target = self._block(number)
                kept = block.copy_living_to(target, self._touch)
                self._manifest.move_rows(block.number, number, kept)
                self._manifest.set_rows(number, target.rows, target.longest)
                self._manifest.drop_block(block.number)
        except BaseException:
            for number in fresh:
                self._forget(number)
            raise
        self._known[number] = BlockRow(number, known.idx, known.key, target.rows, target.longest)

    def _touch(self, size: int) -> None:
        """Counts what may have become resident; beyond the budget every block gives its pages back to the kernel's cache."""
        self._touched += size
        if self._touched > _RESIDENT_BYTES:
            self._touched = 0
            if sum(block.mapped for block in self._open.values()) > _RESIDENT_BYTES:  # else all fits, however often it is read
                for block in self._open.values():
                    block.release()

    def _sweep(self, folder: Path) -> None:
        """Removes files of blocks that were never committed, or dropped just before the process died."""
        for path in folder.iterdir():
            with contextlib.suppress(ValueError):
                if int(path.name.split(".")[0]) not in self._known:
                    path.unlink(missing_ok=True)


def _same(declared: str, name: str) -> bool:
    return declared == name if "/" in declared else declared == name.rsplit("/", 1)[-1]


def _named(specs: Iterable[IndexSpec], name: str, noun: str) -> IndexSpec:
    for spec in specs:
        if _same(spec.index, name):
            return spec
    raise UnknownIndex(f"{noun} {name} is not found")


__all__ = ["BadDatapoint", "UnknownIndex", "VectorEngine"]
