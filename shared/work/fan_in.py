"""Closing a parent when its last child has ended, without a counter that everybody writes.

A child commits its own row, then asks whether any sibling is still open. If none is, one compare-and-set moves the parent on:
whoever loses it finds the parent moved already. Counters are counted from the rows, never incremented.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.events import EventType
from shared.domain.media import Video
from shared.domain.progress import seconds_between_recounts
from shared.domain.runs import MediaState, Run, RunCounts, RunMedia, SegmentResult, SegmentState
from shared.messaging.messages import SettleRun, SynthesizeVideo
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.store import events
from shared.store.documents import Batch, Changed, Store
from shared.work.claims import LEASE, WAKE_GRACE

OPEN = FieldFilter("open", "==", True)


@dataclass(frozen=True)
class FanIn:
    store: Store
    queues: Queues
    topics: Topics

    def segment_ended(self, run: Run, row: SegmentResult) -> None:
        """After a segment's row was committed closed: moves its media item on if it was the last."""
        media = self.store.get(RunMedia, row.tenant, row.run_id, row.video_id)
        if media is not None:
            self.advance(run, media)

    def advance(self, run: Run, media: RunMedia) -> None:
        """Moves a media item on when none of its segments is open: to its synthesis, or to its end."""
        while media.status == MediaState.PROCESSING and not self._open_segments(media):
            try:
                self._close_segments(run, media)
            except Changed:  # a sibling was quicker, or the sweep touched it: look again
                current = self.store.get(RunMedia, media.tenant, media.run_id, media.video_id)
                if current is None:
                    return
                media = current
        if media.status == MediaState.SYNTHESIZING:
            self.send_synthesis(media)
        elif not media.open:
            self.media_ended(run)

    def _close_segments(self, run: Run, media: RunMedia) -> None:
        counts = self.segment_counts(media)
        if run.video_level and counts["successful_segments"] and not run.stop_requested:
            batch = self.store.batch()
            self.to_synthesis_in(batch, media, counts)
            batch.commit()
        else:
            self.end_media(run, media, self.verdict(run, media, counts), counts)

    def media_ended(self, run: Run) -> None:
        """After a media item was committed closed: settles the run if it was the last."""
        open_media = self.store.first(RunMedia, self.store.collection(RunMedia, run.tenant, run.run_id).where(filter=OPEN))
        if open_media is None:
            slot = f"mended-{run.version}" if run.mending else "last-media"  # a name is used once
            self.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot=slot)

    def tell_progress(self, run: Run) -> None:
        """At most one recount of a run in two seconds, longer for large ones, however much of it moves: the task is named after
        the moment it is due."""
        now = self.store.clock()
        every = seconds_between_recounts(RunCounts(**run.counts).total_items)
        moment = (int(now.timestamp()) // every + 1) * every
        due = now + timedelta(seconds=moment - now.timestamp())
        self.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot=f"progress-{moment}", not_before=due)

    def end_media(self, run: Run, media: RunMedia, state: MediaState, values: dict, *, batch: Batch | None = None) -> None:
        """The one terminal transition of a media item in a run, with its event. Raises `Changed` if somebody was quicker."""
        batch = batch or self.store.batch()
        fact = self.end_media_in(batch, run, media, state, values)
        batch.change(media, **self.ended(state), **values)
        batch.commit()
        if fact is not None:
            self.topics.publish(fact)

    def ended(self, state: MediaState) -> dict:
        """The values that close a media item."""
        return {"status": state, "open": False, "wake_at": None, "completed_at": self.store.clock()}

    def end_media_in(
        self, batch: Batch, run: Run, media: RunMedia, state: MediaState, values: dict
    ) -> events.EventHappened | None:
        """What else belongs in the batch that ends a media item: its video's status and the event."""
        video = self.store.get(Video, media.tenant, media.video_id)
        if video is None:
            return None
        failed = state in (MediaState.FAILED, MediaState.CANCELLED)
        outcome = "failed" if state == MediaState.FAILED else "processed"
        changes: dict = {f"active_runs.{run.run_id}": firestore.DELETE_FIELD}
        if state != MediaState.CANCELLED:
            changes["last_outcome"] = outcome
        batch.raw_update(video, changes)
        if media.mends and state == media.mended_from:
            return None  # it was told already that the item had ended so
        return events.record_media(
            self.store,
            batch,
            EventType.MEDIA_PROCESSING_FAILED if failed else EventType.MEDIA_PROCESSING_COMPLETED,
            video,
            occurrence=f"{run.run_id}/{media.mends}" if media.mends else run.run_id,
            run_id=run.run_id,
            status=state,
            error_code=values.get("failure_code", ""),
            error_message=values.get("error_message", ""),
        )

    def to_synthesis_in(self, batch: Batch, media: RunMedia, values: dict) -> None:
        """Adds the item's way into its synthesis to the batch; `send_synthesis` once that is committed."""
        wake_at = self.store.clock() + LEASE + WAKE_GRACE
        state: dict[str, Any] = {
            "status": MediaState.SYNTHESIZING,
            "open": True,
            "video_level_status": "pending",
            "wake_at": wake_at,
        }
        batch.change(media, failures=0, **state, **values)

    def send_synthesis(self, media: RunMedia) -> None:
        slot = f"mended-{media.mends}" if media.mends else "segments"
        self.queues.send(SynthesizeVideo(tenant=media.tenant, run_id=media.run_id, video_id=media.video_id), slot=slot)

    def _open_segments(self, media: RunMedia) -> bool:
        return self.store.first(SegmentResult, self._segments(media).where(filter=OPEN)) is not None

    def _segments(self, media: RunMedia) -> firestore.CollectionReference:
        return self.store.collection(SegmentResult, media.tenant, media.run_id, media.video_id)

    def segment_counts(self, media: RunMedia) -> dict:
        """What an item's counters say of its segments, counted from their rows."""

        def count(field: str, value: object, comparison: str = "==") -> int:
            return int(self._segments(media).where(filter=FieldFilter(field, comparison, value)).count().get()[0][0].value)

        return {
            "successful_segments": count("status", SegmentState.SUCCESSFUL),
            "failed_segments": count("status", SegmentState.FAILED),
            "field_extraction_failures": count("field_extraction_succeeded", False),
            "transcription_failures": count("transcription_succeeded", False),
            "image_embedding_failures": count("image_embedding_succeeded", False),
            "reused_segments": count("reused_from", "", ">"),
        }

    def verdict(self, run: Run, media: RunMedia, counts: dict) -> MediaState:
        cancelled = media.total_segments - counts["successful_segments"] - counts["failed_segments"]
        failed = media.video_level_status == "failed"
        return media_verdict(run.stop_requested and cancelled > 0, counts, video_level_failed=failed)


def media_verdict(cancelled: bool, counts: dict, *, video_level_failed: bool) -> MediaState:
    """How a media item ended: any operation that failed makes it partial, no segment that succeeded makes it failed."""
    if cancelled:
        return MediaState.CANCELLED
    if not counts["successful_segments"]:
        return MediaState.FAILED
    operations = ("field_extraction_failures", "transcription_failures", "image_embedding_failures", "failed_segments")
    if video_level_failed or any(counts[name] for name in operations):
        return MediaState.PARTIAL
    return MediaState.COMPLETED
