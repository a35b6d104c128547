"""Search by meaning: nearest texts, joined to the rows they came from, one result per segment (or media item) and run.

A hit counts only if the row it names is there, says the same attempt, and its media and index are not deleted: what was deleted
is gone from search at once, whenever its vectors follow.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.inference.models import Models
from shared.search.words import share_of_words
from shared.store.documents import Store
from shared.vectors.ids import TextId
from shared.vectors.index import Hit, Query, VectorIndex
from shared.vectors.texts import SearchText, search_texts

PER_SEGMENT = 16  # texts of one segment that may match
MOST_HITS = 1000
EXACT_WORDS = 0.35  # how much it weighs that a text holds all the words asked for, beside a cosine of at most 1


@dataclass(frozen=True)
class Scope:
    """Where to look: indexes ("none" stands for the playground), and where given only these runs and fields."""

    tenant: str
    index_ids: Sequence[str]
    run_ids: Sequence[str] = ()
    fields: Sequence[str] = ()


@dataclass(frozen=True)
class Match:
    """One text that matched; `score` is the cosine, `rank_score` also counts the words found as typed."""

    text: SearchText
    score: float
    rank_score: float


@dataclass
class Found:
    """One result: `row` is a segment's result, or a media item's media-wide one (then `row` is its `RunMedia`)."""

    run: Run
    video: Video
    row: SegmentResult | RunMedia
    matches: list[Match] = field(default_factory=list)

    @property
    def result_id(self) -> str:
        if isinstance(self.row, SegmentResult):
            return f"segment:{self.row.segment_id}:{self.row.run_id}"
        return f"video:{self.row.video_id}:{self.row.run_id}"

    @property
    def best(self) -> Match:
        return self.matches[0]


@dataclass(frozen=True)
class TextSearch:
    store: Store
    vectors: VectorIndex
    models: Models

    def search(self, query: str, scope: Scope, top_k: int) -> list[Found]:
        """Best first; equal scores in the order of their ids, so that the same question gets the same answer."""
        [vector] = self.models.embed_texts([query], query=True)
        allow = {"tenant": [scope.tenant], "kind": ["text"], "index": list(scope.index_ids)}
        if scope.run_ids:
            allow["run"] = list(scope.run_ids)
        if scope.fields:
            allow["field"] = list(scope.fields)
        wanted = min(MOST_HITS, max(100, top_k * 8))
        while True:
            hits = self.vectors.find(Query(vector, allow, limit=wanted, per_segment=PER_SEGMENT))
            found = self._join(query, scope, hits)
            if len(found) >= top_k or len(hits) < wanted or wanted >= MOST_HITS:
                break
            wanted = min(MOST_HITS, wanted * 4)  # much of what was near is gone: look further
        found.sort(key=lambda one: (-one.best.rank_score, one.result_id))
        return found[:top_k]

    def _join(self, query: str, scope: Scope, hits: Iterable[Hit]) -> list[Found]:
        by_row: dict[tuple[str, str, str], list[tuple[TextId, float]]] = defaultdict(list)
        for hit in hits:
            identity = TextId.parse(hit.id)
            if identity is not None:
                by_row[identity.run_id, identity.video_id, identity.segment_id].append((identity, hit.score))
        rows = self._rows(scope.tenant, by_row)
        runs = {run.run_id: run for run in self.store.get_all(Run, {(scope.tenant, key[0]) for key in by_row})}
        videos = self._living({key[1] for key in by_row}, scope)
        found = []
        for key, scored in by_row.items():
            row, run, video = rows.get(key), runs.get(key[0]), videos.get(key[1])
            if row is None or run is None or video is None or run.deleted_at is not None:
                continue
            matches = self._matches(query, run, row, scored)
            if matches:
                found.append(Found(run, video, row, matches))
        return found

    def _rows(self, tenant: str, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], SegmentResult | RunMedia]:
        segments = [(tenant, *key) for key in keys if key[2]]
        whole = [(tenant, *key[:2]) for key in keys if not key[2]]
        rows: dict[tuple[str, str, str], SegmentResult | RunMedia] = {}
        for row in self.store.get_all(SegmentResult, segments):
            rows[row.run_id, row.video_id, row.segment_id] = row
        for media in self.store.get_all(RunMedia, whole):
            rows[media.run_id, media.video_id, ""] = media
        return rows

    def _living(self, video_ids: Iterable[str], scope: Scope) -> dict[str, Video]:
        videos = [v for v in self.store.get_all(Video, [(scope.tenant, one) for one in video_ids]) if v.deleted_at is None]
        wanted = {video.index_id for video in videos if video.index_id}
        indexes = {i.index_id for i in self.store.get_all(Index, [(scope.tenant, one) for one in wanted]) if i.deleted_at is None}
        return {video.video_id: video for video in videos if not video.index_id or video.index_id in indexes}

    def _matches(self, query: str, run: Run, row: SegmentResult | RunMedia, scored: list[tuple[TextId, float]]) -> list[Match]:
        texts = {one.n: one for one in texts_of(run, row)}
        found = []
        for identity, score in scored:
            text = texts.get(identity.n)
            if text is None or identity.attempt != row.vector_attempt:
                continue
            blended = score + EXACT_WORDS * share_of_words(query, text.text)
            found.append(Match(text, score, blended / (1 + EXACT_WORDS)))
        return sorted(found, key=lambda match: (-match.rank_score, match.text.n))


def texts_of(run: Run, row: SegmentResult | RunMedia) -> list[SearchText]:
    """The texts whose vectors belong to the row, by the numbers in the vectors' ids."""
    indexing = run.prompt.get("semantic_indexing") or {}
    if isinstance(row, SegmentResult):
        disabled = indexing.get("disabled_segment_fields") or []
        return search_texts(row.metadata, row.metadata_text, row.transcript, disabled)
    disabled = indexing.get("disabled_video_level_fields") or []
    return search_texts(row.video_level_metadata, row.video_level_text, "", disabled)
