"""Making what was found in a segment searchable: its texts as vectors under the worker's attempt, and its picture."""

from collections.abc import Callable
from dataclasses import dataclass

from functions.pipeline.process_segment.operations import Outcome, exhausted
from shared.domain.runs import FailureStage, Run, SegmentResult
from shared.inference.models import Models
from shared.vectors.ids import TextId
from shared.vectors.index import Datapoint, VectorIndex
from shared.vectors.points import text_points
from shared.vectors.texts import search_texts
from shared.work.outcomes import GiveUp, Retry


@dataclass(frozen=True)
class Findings:
    """What a row says of its segment, as far as it is searched."""

    metadata: dict
    metadata_text: str
    transcript: str


@dataclass(frozen=True)
class Unindexed:
    """Why texts or picture are not searchable; None for what is."""

    texts: GiveUp | None = None
    picture: GiveUp | None = None


@dataclass(frozen=True)
class Indexing:
    """Vectors count only once the row names their attempt, so those of a worker that dies here do no harm."""

    models: Models
    vectors: VectorIndex
    check_stop: Callable[[], None]
    last_attempt: bool

    def write(self, run: Run, row: SegmentResult, findings: Findings | None, picture: Outcome) -> Unindexed:
        """Writes the vectors of the texts, unless there are no findings to index, and of the picture.

        Raises `Retry` or `Throttled` for what may pass.
        """
        points = [picture.value] if isinstance(picture.value, Datapoint) else []
        failure = None
        try:
            points += self._texts(run, row, findings) if findings else []
        except GiveUp as error:
            error.stage = FailureStage.TEXT_EMBEDDING
            failure = error
        except Retry as error:
            failure = self._final(error, FailureStage.TEXT_EMBEDDING)
        try:
            self.vectors.upsert(points)
        except Retry as error:
            texts = self._final(error, FailureStage.TEXT_EMBEDDING) if findings else None
            with_picture = isinstance(picture.value, Datapoint)
            return Unindexed(failure or texts, self._final(error, FailureStage.IMAGE_EMBEDDING) if with_picture else None)
        return Unindexed(failure)

    def _final(self, error: Retry, stage: FailureStage) -> GiveUp:
        if not self.last_attempt:
            raise error
        return exhausted(error, stage)

    def _texts(self, run: Run, row: SegmentResult, findings: Findings) -> list[Datapoint]:
        disabled = run.prompt["semantic_indexing"].get("disabled_segment_fields") or []
        texts = search_texts(findings.metadata, findings.metadata_text, findings.transcript, disabled)
        if not texts:
            return []
        self.check_stop()
        vectors = self.models.embed_texts([one.text for one in texts])
        identity = TextId(row.run_id, row.video_id, row.segment_id, row.attempt, 0)
        return text_points(row.tenant, row.index_id, identity, texts, vectors)
