"""The tables of a run that has ended: its results streamed into Parquet, then one switch to the new version.

A version's files carry the attempt's number, so a worker that lost its lease writes beside the one that has it, and only the
row that the holder writes last says which files count.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from functions.pipeline.build_tables.rows import media_row, segment_row
from shared.domain.batches import batched
from shared.domain.media import Video
from shared.domain.runs import Run, RunMedia, SegmentResult, SegmentState
from shared.domain.tables import WITH_RESULTS, RunTables, TablesState, tables_prefix
from shared.messaging.messages import BuildTables
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import Store
from shared.store.living_media import living_media
from shared.tables.layout import Layout, Shredded, item_types, shred
from shared.tables.sets import SEGMENTS, WHOLE, TableSet
from shared.tables.writing import Part, TableWriter, finished, writing_connection
from shared.work.claims import Claim, Claims
from shared.work.outcomes import GiveUp, LeaseLost

MEDIA_TYPE = "application/vnd.apache.parquet"
AT_ONCE = 100  # media items looked up together
REBUILD_AFTER = timedelta(seconds=30)  # so that many deletions in a row cost one build


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    objects: Objects
    claims: Claims


def build_tables(message: BuildTables, deps: Deps) -> None:
    tables = deps.store.get(RunTables, message.tenant, message.run_id)
    run = deps.store.get(Run, message.tenant, message.run_id)
    if tables is None or tables.status not in (TablesState.PENDING, TablesState.BUILDING):
        return
    try:
        with deps.claims.hold(tables, status=TablesState.BUILDING) as claim:
            if run is None or run.deleted_at is not None or run.status not in WITH_RESULTS:
                raise GiveUp("no_results", "the run has no results to make tables of")
            _publish(run, claim, deps)
    except GiveUp as reason:
        batch = deps.store.batch()
        batch.change(
            tables,
            status=TablesState.FAILED,
            wake_at=None,
            lease_until=None,
            error_code=reason.code,
            error_message=reason.message,
        )
        batch.commit()


def _publish(run: Run, claim: Claim[RunTables], deps: Deps) -> None:
    tables, before = claim.document, claim.document.published
    started, version = deps.store.clock(), tables.attempt
    layouts = TableSet(Layout.of_schema(run.prompt.get("json_schema")), Layout.of_schema(_whole_schema(run)))
    with tempfile.TemporaryDirectory(prefix="tables-") as folder:
        build = _Build(run, layouts, version, Path(folder), claim, deps)
        files = build.write()
    stale = not build.all_still_live()
    now = deps.store.clock()
    claim.commit(
        deps.store.batch(),
        status=TablesState.PENDING if stale else TablesState.READY,
        wake_at=now + REBUILD_AFTER if stale else None,
        published=version,
        built_from=started,
        layout=layouts.to_json(),
        files=files,
        row_count=sum(file["rows"] for file in files if file["table"] == SEGMENTS),
        error_code="",
        error_message="",
        completed_at=now,
    )
    for old in range(max(1, before), version):  # what was published, and what attempts between left behind
        deps.objects.delete_below(deps.objects.derived, tables_prefix(run.tenant, run.run_id, old))
    if stale:
        again = BuildTables(tenant=run.tenant, run_id=run.run_id)
        deps.queues.send(again, slot=f"again-{version}", not_before=now + REBUILD_AFTER)


def _whole_schema(run: Run) -> dict | None:
    return (run.video_level or {}).get("json_schema")


class _Build:
    """One pass over the results. Looks at the lease with every part, so that a lost one stops it early."""

    def __init__(self, run: Run, layouts: TableSet, version: int, folder: Path, claim: Claim[RunTables], deps: Deps) -> None:
        self._run = run
        self._layouts = layouts
        self._prefix = tables_prefix(run.tenant, run.run_id, version)
        self._folder = folder
        self._claim = claim
        self._deps = deps
        self._files: list[dict] = []
        self._video_ids: list[str] = []

    def write(self) -> list[dict]:
        """Everything stored; gives back what each file is."""
        with writing_connection() as connection:
            self._writers = {table: TableWriter(connection, self._folder, table, types) for table, types in self._types().items()}
            store = self._deps.store
            media = store.stream(RunMedia, store.collection(RunMedia, self._run.tenant, self._run.run_id))
            self._write_media(living_media(media, store))
            for part in finished(self._writers):
                self._keep(part)
        return self._files

    def all_still_live(self) -> bool:
        """Whether no item that was read has been deleted meanwhile."""
        live = 0
        for some in batched(self._video_ids, AT_ONCE):
            videos = self._deps.store.get_all(Video, [(self._run.tenant, one) for one in some])
            live += sum(video.deleted_at is None for video in videos)
        return live == len(self._video_ids)

    def _types(self) -> dict[str, dict[str, str]]:
        types: dict[str, dict[str, str]] = {}
        for table, layout in self._layouts.levels():
            types[table] = layout.row_types()
            types.update({f"{table}-{items.physical}": item_types(items) for items in layout.items})
        return types

    def _write_media(self, living: Iterable[tuple[RunMedia, Video]]) -> None:
        for media, video in living:
            self._video_ids.append(media.video_id)
            if media.video_level_metadata and self._layouts.whole.columns:
                self._add(WHOLE, self._layouts.whole, media_row(self._run, media, video), media.video_level_metadata)
            rows = self._deps.store.collection(SegmentResult, media.tenant, media.run_id, media.video_id).order_by("ordinal")
            for row in self._deps.store.stream(SegmentResult, rows):
                if row.status == SegmentState.SUCCESSFUL:
                    self._add(SEGMENTS, self._layouts.segments, segment_row(self._run, row, video), row.metadata)

    def _add(self, table: str, layout: Layout, row: dict, data: dict) -> None:
        shredded: Shredded = shred(layout, row, data)
        self._put(table, shredded.row)
        for physical, items in shredded.items.items():
            for item in items:
                self._put(f"{table}-{physical}", item)

    def _put(self, table: str, row: dict) -> None:
        part = self._writers[table].add(row)
        if part is not None:
            self._keep(part)

    def _keep(self, part: Part) -> None:
        if self._claim.lost:
            raise LeaseLost
        content = part.path.read_bytes()
        part.path.unlink()
        self._deps.objects.put_derived(self._prefix + part.path.name, content, MEDIA_TYPE)
        self._files.append({"name": part.path.name, "table": part.table, "rows": part.rows, "bytes": len(content)})
