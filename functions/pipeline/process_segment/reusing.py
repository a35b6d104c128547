"""Answers of an earlier run to the very same question about the same segment, instead of asking a model again."""

from functions.pipeline.process_segment.operations import Outcome, Outcomes
from shared.domain.reuse import EarlierAnswer, segment_key
from shared.domain.runs import Run, SegmentResult, SegmentState
from shared.inference.extraction import Extraction
from shared.inference.transcription import Transcript
from shared.store.documents import Batch, Store


def find_earlier(run: Run, row: SegmentResult, store: Store) -> SegmentResult | None:
    """A complete result of another run, or None where there is none or the run was told to ask anew."""
    if run.force:
        return None
    known = store.get(EarlierAnswer, run.tenant, row.video_id, segment_key(run, row.segment_id))
    if known is None or known.run_id == run.run_id:
        return None
    earlier = store.get(SegmentResult, run.tenant, known.run_id, row.video_id, known.segment_id)
    if earlier is None or earlier.status != SegmentState.SUCCESSFUL or earlier.has_failures:
        return None
    return earlier


def outcomes_of(earlier: SegmentResult) -> Outcomes:
    """As if the models had said it just now; the picture's vector belongs to the segment and is there."""
    said = Transcript(earlier.transcript, earlier.utterances) if earlier.transcription_succeeded else None
    return Outcomes(
        Outcome(Extraction(earlier.metadata, earlier.processing_warning, "")),
        Outcome(said),
        Outcome(True if earlier.image_embedding_succeeded else None),
    )


def remember_in(batch: Batch, run: Run, row: SegmentResult, store: Store) -> None:
    """Adds to the batch where runs to come find this complete answer; the latest one counts."""
    now = store.clock()
    batch.put(
        EarlierAnswer(
            created_at=now,
            updated_at=now,
            tenant=run.tenant,
            video_id=row.video_id,
            work_key=segment_key(run, row.segment_id),
            run_id=run.run_id,
            segment_id=row.segment_id,
        )
    )
