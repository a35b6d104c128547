"""Search by picture: frames that look alike, joined to the segments they stand for and to a run that speaks of them.

Image vectors belong to segments, not to runs: runs over the same cut share them. A result speaks through one run: the newest of
those asked for, or of all that took the segment; a segment no living run has taken is not found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.domain.media import Cut, Segment, Video
from shared.domain.runs import Run, SegmentResult, SegmentState
from shared.inference.models import Models
from shared.search.found import Found, Picture, RowKey, Scope, best_first
from shared.search.joining import Joiner
from shared.store.documents import Store
from shared.vectors.ids import ImageId
from shared.vectors.index import Hit, Query, VectorIndex

MOST_HITS = 1000
NEWEST_RUNS = 5  # of a segment, tried one after the other until one is there


@dataclass(frozen=True)
class ImageSearch:
    store: Store
    vectors: VectorIndex
    models: Models

    def search(self, picture: bytes, scope: Scope, top_k: int) -> list[Found]:
        """The `top_k` best; `picture` is a JPEG. Its score is the cosine, from 0 to 1."""
        return self.near(self.models.embed_picture(picture, "image/jpeg"), scope, top_k)

    def near(self, vector: Sequence[float], scope: Scope, top_k: int) -> list[Found]:
        limit = min(MOST_HITS, max(50, top_k * 2))
        while True:
            hits = self.vectors.find(Query(vector=vector, allow=scope.allow("image"), limit=limit))
            found = self._join(hits, scope)
            if len(found) >= top_k or len(hits) < limit or limit >= MOST_HITS:
                return best_first(found)[:top_k]
            limit = min(MOST_HITS, limit * 4)  # much of what was near is gone, or of other runs: look further

    def _join(self, hits: Iterable[Hit], scope: Scope) -> list[Found]:
        scores = {identity: hit.score for hit in hits if (identity := ImageId.parse(hit.id)) is not None}
        segments = self._segments(scope.tenant, scores)
        videos = Joiner(self.store).living(scope.tenant, {one.video_id for one in segments}, scope.index_ids)
        segments = {one: segment for one, segment in segments.items() if one.video_id in videos}
        spoken = self._spoken_of(scope, segments)
        return [
            self._found(*spoken[identity], videos[identity.video_id], segment, scores[identity])
            for identity, segment in segments.items()
            if identity in spoken
        ]

    def _found(self, run: Run, row: SegmentResult, video: Video, segment: Segment, score: float) -> Found:
        return Found(run, video, row, picture=Picture(segment, min(1.0, max(0.0, score))))

    def _segments(self, tenant: str, ids: Iterable[ImageId]) -> dict[ImageId, Segment]:
        rows = self.store.get_all(Segment, [(tenant, one.video_id, one.cut_id, one.segment_id) for one in ids])
        return {ImageId(row.video_id, row.cut_id, row.segment_id): row for row in rows}

    def _spoken_of(self, scope: Scope, segments: Iterable[ImageId]) -> dict[ImageId, tuple[Run, SegmentResult]]:
        """For each segment the newest run's row that is there, a successful one before others."""
        candidates = self._candidates(scope, list(segments))
        keys = {(run_id, one.video_id, one.segment_id) for one, run_ids in candidates.items() for run_id in run_ids}
        joiner = Joiner(self.store)
        runs = joiner.runs(scope.tenant, {run_id for run_id, _, _ in keys})
        rows: dict[RowKey, SegmentResult] = {
            (row.run_id, row.video_id, row.segment_id): row for row in joiner.results(scope.tenant, keys) if row.run_id in runs
        }
        spoken = {}
        for one, run_ids in candidates.items():
            there = [row for run_id in run_ids if (row := rows.get((run_id, one.video_id, one.segment_id))) is not None]
            there.sort(key=lambda row: (row.status == SegmentState.SUCCESSFUL, runs[row.run_id].created_at, row.run_id))
            if there:
                spoken[one] = (runs[there[-1].run_id], there[-1])
        return spoken

    def _candidates(self, scope: Scope, segments: list[ImageId]) -> dict[ImageId, list[str]]:
        """The runs that may speak of each segment: those asked for, else the newest that took its cut."""
        if scope.run_ids:
            return {one: list(scope.run_ids) for one in segments}
        cuts = self.store.get_all(Cut, {(scope.tenant, one.video_id, one.cut_id) for one in segments}, only=("runs",))
        newest = {
            (cut.video_id, cut.cut_id): sorted(cut.runs, key=lambda run_id: (cut.runs[run_id], run_id))[-NEWEST_RUNS:]
            for cut in cuts
        }
        return {one: newest.get((one.video_id, one.cut_id), []) for one in segments}
