"""From hits to the rows they came from. A hit counts only if its row is there, says the same attempt, and its run, media item
and index are not deleted: what was deleted is gone from search at once, whenever its vectors follow.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.search.found import Row, RowKey
from shared.store.documents import Store

# What results are made of. Whole documents would take several times as long to send and to decode: a row's utterances alone are
# longer than all the rest of it.
RUN_FIELDS = ("prompt_id", "prompt_name", "prompt", "index_ids", "deleted_at")
VIDEO_FIELDS = (
    *("index_id", "media_type", "mime_type", "duration_seconds"),
    *("has_audio", "has_video", "thumbnail_uri", "deleted_at"),
)
ROW_FIELDS = (
    *("index_id", "cut_id", "ordinal", "start", "end", "thumbnail_uri"),
    *("metadata", "metadata_text", "transcript", "vector_attempt"),
)
MEDIA_FIELDS = ("index_id", "media_type", "video_level_metadata", "video_level_text", "vector_attempt")


@dataclass(frozen=True)
class Joined:
    """Read in part: the fields named above and the required ones."""

    run: Run
    video: Video
    row: Row


_READS = ThreadPoolExecutor(16, thread_name_prefix="join")  # its threads begin with the first search


class Joiner:
    """Reads by id alone; one call to the store per kind of document, side by side."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def join(self, tenant: str, keys: Iterable[RowKey], index_ids: Sequence[str] = ()) -> dict[RowKey, Joined]:
        """Those of the rows that live, by their keys. `index_ids` are those their media items most likely belong to."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        rows_read = _READS.submit(self._rows, tenant, wanted)
        runs_read = _READS.submit(self.runs, tenant, {run_id for run_id, _, _ in wanted})
        videos = self.living(tenant, {video_id for _, video_id, _ in wanted}, index_ids)
        rows, runs = rows_read.result(), runs_read.result()
        return {
            key: Joined(runs[key[0]], videos[key[1]], rows[key])
            for key in wanted
            if key in rows and key[0] in runs and key[1] in videos
        }

    def runs(self, tenant: str, run_ids: Collection[str]) -> dict[str, Run]:
        """Those that are not deleted."""
        found = self._store.get_all(Run, [(tenant, one) for one in run_ids], only=RUN_FIELDS)
        return {run.run_id: run for run in found if run.deleted_at is None}

    def living(self, tenant: str, video_ids: Iterable[str], index_ids: Sequence[str] = ()) -> Mapping[str, Video]:
        """Media items that are not deleted, nor their index."""
        expected = {one for one in index_ids if one}
        indexes_read = _READS.submit(self._indexes, tenant, expected)
        found = self._store.get_all(Video, [(tenant, one) for one in video_ids], only=VIDEO_FIELDS)
        videos = [one for one in found if one.deleted_at is None]
        others = {video.index_id for video in videos if video.index_id} - expected
        indexes = indexes_read.result() | self._indexes(tenant, others)
        return {video.video_id: video for video in videos if not video.index_id or video.index_id in indexes}

    def _indexes(self, tenant: str, index_ids: Iterable[str]) -> set[str]:
        """Those that are not deleted."""
        there = self._store.get_all(Index, [(tenant, one) for one in index_ids], only=("deleted_at",))
        return {one.index_id for one in there if one.deleted_at is None}

    def _rows(self, tenant: str, keys: list[RowKey]) -> dict[RowKey, Row]:
        rows: dict[RowKey, Row] = {}
        for row in self.results(tenant, [key for key in keys if key[2]]):
            rows[row.run_id, row.video_id, row.segment_id] = row
        for media in self._store.get_all(RunMedia, [(tenant, *key[:2]) for key in keys if not key[2]], only=MEDIA_FIELDS):
            rows[media.run_id, media.video_id, ""] = media
        return rows

    def results(self, tenant: str, keys: Iterable[RowKey]) -> list[SegmentResult]:
        return self._store.get_all(SegmentResult, [(tenant, *key) for key in keys], only=ROW_FIELDS)
