"""What a search looks through and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.media import Segment, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.vectors.points import NO_INDEX, field_token
from shared.vectors.texts import SearchText, search_texts

Row = SegmentResult | RunMedia
RowKey = tuple[str, str, str]  # run, media item, segment; the segment is empty for a media-wide result


@dataclass(frozen=True)
class Scope:
    """Where to look: indexes ("none" stands for the playground, none at all for wherever the runs have been), and where given
    only these runs and fields. A field stands for everything below it."""

    tenant: str
    index_ids: Sequence[str]
    run_ids: Sequence[str] = ()
    fields: Sequence[str] = ()

    def allow(self, kind: str) -> dict[str, list[str]]:
        """As restricts; pictures belong to no run and have no field."""
        allow = {"tenant": [self.tenant], "kind": [kind]}
        if self.index_ids:
            allow["index"] = [one or NO_INDEX for one in self.index_ids]
        if self.run_ids and kind == "text":
            allow["run"] = list(self.run_ids)
        if self.fields and kind == "text":
            allow["field"] = [field_token(one) for one in self.fields]
        return allow


@dataclass(frozen=True)
class Match:
    """One text that matched. `score` is what results are ordered by, from 0 to 1; `similarity` the cosine in it, `words` the
    share of the words asked for, weighted by how rare they are."""

    text: SearchText
    score: float
    similarity: float
    words: float


@dataclass(frozen=True)
class Picture:
    """The frame that matched: the segment it stands for, and its cosine from 0 to 1."""

    segment: Segment
    score: float


@dataclass
class Found:
    """One result: `row` is a segment's result, or a media item's media-wide one (then `row` is its `RunMedia`)."""

    run: Run
    video: Video
    row: Row
    matches: list[Match] = field(default_factory=list)  # best first
    picture: Picture | None = None
    weight: float = 1.0  # what its run's age leaves of its score

    @property
    def key(self) -> RowKey:
        return self.row.run_id, self.row.video_id, self.segment_id

    @property
    def segment_id(self) -> str:
        return self.row.segment_id if isinstance(self.row, SegmentResult) else ""

    @property
    def result_id(self) -> str:
        if isinstance(self.row, SegmentResult):
            return f"segment:{self.row.segment_id}:{self.row.run_id}"
        return f"video:{self.row.video_id}:{self.row.run_id}"

    @property
    def score(self) -> float:
        """Of its best text, else of its picture; from 0 to 1."""
        if self.matches:
            return self.matches[0].score
        return self.picture.score if self.picture else 0.0

    @property
    def ranked_by(self) -> float:
        return self.score * self.weight


def best_first(found: list[Found]) -> list[Found]:
    """Equal scores in the order of their ids, so that the same question gets the same answer."""
    return sorted(found, key=lambda one: (-one.ranked_by, one.result_id))


def texts_of(run: Run, row: Row) -> list[SearchText]:
    """The texts whose vectors belong to the row, by the numbers in the vectors' ids."""
    indexing = run.prompt.get("semantic_indexing") or {}
    if isinstance(row, SegmentResult):
        disabled = indexing.get("disabled_segment_fields") or []
        return search_texts(row.metadata, row.metadata_text, row.transcript, disabled)
    disabled = indexing.get("disabled_video_level_fields") or []
    return search_texts(row.video_level_metadata, row.video_level_text, "", disabled)
