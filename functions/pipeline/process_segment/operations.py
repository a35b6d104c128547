"""The three operations of a segment: extract fields, transcribe, embed its picture. Each can fail alone."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from functions.pipeline.process_segment.deps import Pool
from shared.domain.failures import OPERATIONS, FailureCode
from shared.domain.media import Video
from shared.domain.runs import FailureStage, Run, SegmentResult
from shared.inference.extraction import Extraction, extract
from shared.inference.ledger import Ledger, Subject
from shared.inference.models import MediaPart, Models
from shared.inference.transcription import Transcript, transcribe
from shared.objects.buckets import NoSuchObject, Objects
from shared.vectors.index import Datapoint
from shared.vectors.points import image_point
from shared.work.outcomes import GiveUp, Retry, Throttled
from shared.work.stopping import Stopped


@dataclass(frozen=True)
class Outcome:
    """Of one operation: its value, or why there is none. Neither, where it does not apply."""

    value: Any = None
    failure: GiveUp | None = None

    @property
    def succeeded(self) -> bool | None:
        if self.failure is not None:
            return False
        return True if self.value is not None else None


@dataclass(frozen=True)
class Outcomes:
    """`picture` carries a datapoint, or `True` where the segment's picture is in the index already."""

    extraction: Outcome
    transcription: Outcome
    picture: Outcome

    def by_name(self) -> dict[str, Outcome]:
        return dict(zip(OPERATIONS, (self.extraction, self.transcription, self.picture), strict=True))


def exhausted(error: Exception, stage: FailureStage) -> GiveUp:
    message = f"given up after repeated attempts: {error}"
    return GiveUp(FailureCode.ATTEMPTS_EXHAUSTED, message, stage=stage, retryable=True)


@dataclass(frozen=True)
class Operations:
    """One segment's, side by side; what a passing failure interrupts is raised when all three have ended."""

    run: Run
    video: Video
    row: SegmentResult
    ledger: Ledger
    models: Models
    objects: Objects
    check_stop: Callable[[], None]
    last_attempt: bool
    pool: Pool
    wanted: Collection[str] = OPERATIONS

    def perform(self) -> Outcomes:
        """Raises `Stopped`, `Throttled` or `Retry`; answers of models that came back are kept by the ledger meanwhile."""
        with self.pool(max_workers=3, thread_name_prefix="operation") as pool:
            futures = [pool.submit(operation) for operation in self._wanted()]
        failures = [error for future in futures if (error := future.exception()) is not None]
        for kind in (Stopped, Throttled, Retry, Exception):
            for error in failures:
                if isinstance(error, kind):
                    raise error
        return Outcomes(*(future.result() for future in futures))

    def _wanted(self) -> list[Callable[[], Outcome]]:
        every = zip(OPERATIONS, (self._extract, self._transcribe, self._embed_picture), strict=True)
        return [operation if name in self.wanted else Outcome for name, operation in every]

    def _extract(self) -> Outcome:
        def work() -> Extraction:
            return extract(
                self.ledger,
                purpose="segment_extraction",
                model=self.run.processing_model,
                prompt=self.run.prompt["prompt_text"],
                schema=self.run.prompt["json_schema"],
                subject=self._subject(),
                media=self._media(),
            )

        return self._attempt(FailureStage.FIELD_EXTRACTION, work)

    def _transcribe(self) -> Outcome:
        if not self.run.enable_transcription or not self.video.has_audio:
            return Outcome()

        def work() -> Transcript:
            return transcribe(self.ledger, model=self.run.processing_model, media=self._media(), subject=self._subject())

        return self._attempt(FailureStage.TRANSCRIPTION, work)

    def _embed_picture(self) -> Outcome:
        if not self.run.enable_image_embedding or not self.row.thumbnail_uri:
            return Outcome()

        def work() -> Datapoint:
            self.check_stop()
            try:
                picture = self.objects.read(self.row.thumbnail_uri)
            except NoSuchObject as error:
                raise GiveUp(FailureCode.MEDIA_GONE, "the segment's picture is no longer there") from error
            vector = self.models.embed_picture(picture, "image/jpeg")
            row = self.row
            return image_point(row.tenant, row.index_id, row.video_id, row.cut_id, row.segment_id, vector)

        return self._attempt(FailureStage.IMAGE_EMBEDDING, work)

    def _attempt(self, stage: FailureStage, work: Callable[[], Any]) -> Outcome:
        try:
            return Outcome(work())
        except GiveUp as failure:
            failure.stage = failure.stage or stage
            return Outcome(failure=failure)
        except (Stopped, Throttled):
            raise
        except Exception as error:  # at the last attempt, whatever it is must not take the other operations along
            if not self.last_attempt:
                raise
            return Outcome(failure=exhausted(error, stage))

    def _media(self) -> MediaPart:
        if self.video.media_type == "image":
            return MediaPart(self.video.video_uri, self.video.mime_type)
        return MediaPart(self.video.video_uri, self.video.mime_type, self.row.start, self.row.end)

    def _subject(self) -> Subject:
        return Subject(self.row.video_id, self.row.segment_id, self.row.start, self.row.end)
