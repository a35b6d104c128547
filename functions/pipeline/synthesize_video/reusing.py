"""The media-wide answer of an earlier run to the very same question: it carries all that the segments said."""

from shared.domain.reuse import EarlierAnswer, synthesis_key
from shared.domain.runs import Run, RunMedia
from shared.inference.extraction import Extraction
from shared.store.documents import Batch, Store


def find_earlier(run: Run, media: RunMedia, prompt: str, fingerprint: str, store: Store) -> Extraction | None:
    """None where nobody asked this before, or the run was told to ask anew."""
    if run.force:
        return None
    known = store.get(EarlierAnswer, run.tenant, media.video_id, synthesis_key(run, media.video_id, prompt))
    if known is None or known.run_id == run.run_id:
        return None
    earlier = store.get(RunMedia, run.tenant, known.run_id, media.video_id)
    if earlier is None or earlier.source_fingerprint != fingerprint or earlier.video_level_status not in ("completed", "partial"):
        return None  # that run's item was deleted, or has been synthesised anew from other words
    return Extraction(earlier.video_level_metadata, earlier.video_level_warning, earlier.video_level_response)


def remember_in(batch: Batch, run: Run, media: RunMedia, prompt: str, store: Store) -> None:
    """Adds to the batch where runs to come find this answer; the latest one counts."""
    now = store.clock()
    batch.put(
        EarlierAnswer(
            created_at=now,
            updated_at=now,
            tenant=run.tenant,
            video_id=media.video_id,
            work_key=synthesis_key(run, media.video_id, prompt),
            run_id=run.run_id,
        )
    )
