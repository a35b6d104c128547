"""From hits to the rows they came from. A hit counts only if its row is there, says the same attempt, and its run, media item
and index are not deleted: what was deleted is gone from search at once, whenever its vectors follow.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.search.found import Row, RowKey
from shared.store.documents import Store


@dataclass(frozen=True)
class Joined:
    run: Run
    video: Video
    row: Row


class Joiner:
    """Reads by id alone; one call to the store per kind of document, side by side."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def join(self, tenant: str, keys: Iterable[RowKey]) -> dict[RowKey, Joined]:
        """Those of the rows that live, by their keys."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        with ThreadPoolExecutor(max_workers=3, thread_name_prefix="join") as pool:
            rows_read = pool.submit(self._rows, tenant, wanted)
            runs_read = pool.submit(self._store.get_all, Run, {(tenant, run_id) for run_id, _, _ in wanted})
            videos = self.living(tenant, {video_id for _, video_id, _ in wanted})
            rows = rows_read.result()
            runs = {run.run_id: run for run in runs_read.result() if run.deleted_at is None}
        return {
            key: Joined(runs[key[0]], videos[key[1]], rows[key])
            for key in wanted
            if key in rows and key[0] in runs and key[1] in videos
        }

    def living(self, tenant: str, video_ids: Iterable[str]) -> Mapping[str, Video]:
        """Media items that are not deleted, nor their index."""
        videos = [one for one in self._store.get_all(Video, [(tenant, one) for one in video_ids]) if one.deleted_at is None]
        wanted = {video.index_id for video in videos if video.index_id}
        indexes = {
            one.index_id for one in self._store.get_all(Index, [(tenant, one) for one in wanted]) if one.deleted_at is None
        }
        return {video.video_id: video for video in videos if not video.index_id or video.index_id in indexes}

    def _rows(self, tenant: str, keys: list[RowKey]) -> dict[RowKey, Row]:
        rows: dict[RowKey, Row] = {}
        for row in self._store.get_all(SegmentResult, [(tenant, *key) for key in keys if key[2]]):
            rows[row.run_id, row.video_id, row.segment_id] = row
        for media in self._store.get_all(RunMedia, [(tenant, *key[:2]) for key in keys if not key[2]]):
            rows[media.run_id, media.video_id, ""] = media
        return rows
