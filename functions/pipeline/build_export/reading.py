"""An export's content as a flow of records, read page by page: header, media, then each run with its items and their segments.

The flow is the same for every file format; docs/exports.md tells the fields.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Literal

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.pipeline.build_export import records
from shared.domain.batches import batched
from shared.domain.exports import Export
from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult, SegmentState
from shared.store.documents import Store
from shared.store.living_media import living_media
from shared.work.outcomes import GiveUp

AT_ONCE = 100  # rows between two looks at whether the work still counts
TARGET_DELETED = "target_deleted"

Kind = Literal["header", "media", "prompt_run", "item", "segment", "totals"]


@dataclass(frozen=True)
class Record:
    kind: Kind
    data: dict[str, Any]


@dataclass
class Totals:
    media: int = 0
    prompt_runs: int = 0
    results: int = 0  # media items in runs
    segments: int = 0


class Reader:
    """`check` is called every hundred rows and ends the reading by what it raises."""

    def __init__(self, export: Export, store: Store, check: Callable[[], None]) -> None:
        self._export = export
        self._store = store
        self._check = check
        self.totals = Totals()

    def read(self) -> Iterator[Record]:
        """Raises `GiveUp` where the target is gone, at the beginning or on the way."""
        self.require_target()
        index = self._index()
        yield Record("header", records.header(self._export, index, self._store.clock()))
        for video in self._watched(self._media()):
            self.totals.media += 1
            yield Record("media", records.media(video))
        for run in self._runs():
            yield from self._run(run)
        yield Record("totals", asdict(self.totals))

    def require_target(self) -> None:
        export = self._export
        if export.export_type == "index":
            if self._index() is None:
                raise GiveUp(TARGET_DELETED, "the index was deleted before it was exported")
        elif self._living_run(export.target_id) is None:
            raise GiveUp(TARGET_DELETED, "the prompt run was deleted before it was exported")

    def _index(self) -> Index | None:
        if self._export.export_type != "index":
            return None
        found = self._store.get(Index, self._export.tenant, self._export.target_id)
        return found if found is not None and found.deleted_at is None else None

    def _living_run(self, run_id: str) -> Run | None:
        found = self._store.get(Run, self._export.tenant, run_id)
        return found if found is not None and found.deleted_at is None else None

    def _media(self) -> Iterator[Video]:
        """The index's items, or the run's."""
        tenant, target = self._export.tenant, self._export.target_id
        if self._export.export_type == "index":
            query = self._store.collection(Video, tenant).where(filter=FieldFilter("index_id", "==", target))
            return (video for video in self._store.stream(Video, query) if video.deleted_at is None)
        rows = self._store.stream(RunMedia, self._store.collection(RunMedia, tenant, target))
        return (video for _, video in living_media(rows, self._store))

    def _runs(self) -> Iterator[Run]:
        """The run asked for, or those over the index, the oldest first; runs that are not there any more are left out."""
        export = self._export
        if export.export_type == "prompt_run":
            run_ids: Iterator[str] = iter([export.target_id])
        elif export.prompt_run_ids:
            run_ids = iter(export.prompt_run_ids)
        else:
            over = FieldFilter("index_ids", "array_contains", export.target_id)
            query = self._store.collection(Run, export.tenant).where(filter=over).order_by("created_at", direction="DESCENDING")
            newest_first = [run.run_id for run in self._store.stream(Run, query.select(records.RUN_FIELDS))]
            run_ids = reversed(newest_first)
        for run_id in run_ids:
            run = self._living_run(run_id)
            if run is not None:
                yield run

    def _run(self, run: Run) -> Iterator[Record]:
        self._check()
        self.totals.prompt_runs += 1
        yield Record("prompt_run", records.prompt_run(run))
        rows = self._store.stream(RunMedia, self._store.collection(RunMedia, run.tenant, run.run_id))
        if self._export.export_type == "index":
            rows = (row for row in rows if row.index_id == self._export.target_id)
        for media, video in living_media(rows, self._store):
            self._check()
            self.totals.results += 1
            yield Record("item", records.item(media, video))
            segments = self._store.collection(SegmentResult, media.tenant, media.run_id, media.video_id).order_by("ordinal")
            for row in self._watched(self._store.stream(SegmentResult, segments)):
                if row.status in (SegmentState.SUCCESSFUL, SegmentState.FAILED):
                    self.totals.segments += 1
                    yield Record("segment", records.segment(row))

    def _watched(self, rows: Iterator[Any]) -> Iterator[Any]:
        for page in batched(rows, AT_ONCE):
            self._check()
            yield from page


def grouped(pieces: Iterator[str], size: int) -> Iterator[bytes]:
    """Small texts put together to pieces of about `size` characters."""
    held: list[str] = []
    length = 0
    for piece in chain(pieces, (None,)):
        if piece is not None:
            held.append(piece)
            length += len(piece)
        if held and (piece is None or length >= size):
            yield "".join(held).encode()
            held, length = [], 0
