"""What a run is asked to do, but for its target; and the run that comes of it."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from shared.domain.prompts import Prompt
from shared.domain.runs import Run, RunStatus

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Seconds = Annotated[int, Field(ge=1, le=300, strict=True)]
Model = Literal["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-pro-preview"]

DEFAULT_MODEL = "gemini-2.5-flash"
PLANNED_WITHIN = timedelta(seconds=60)


class RunSettings(BaseModel):
    """Durations are whole seconds, required where the segmentation is `fixed`.

    Where the same prompt ran over the same segments with the same settings before, its answers are taken over and no model is
    asked; `force` asks anew.
    """

    prompt_id: Id
    video_segmentation_type: Literal["smart", "fixed", "content_aware"] = "smart"
    audio_segmentation_type: Literal["fixed", "content_aware"] = "content_aware"
    video_segment_duration: Seconds | None = None
    audio_segment_duration: Seconds | None = None
    processing_model: Model | None = None
    enable_transcription: bool = True
    enable_image_embedding: bool = True
    force: bool = False

    @model_validator(mode="after")
    def _durations(self) -> "RunSettings":
        for medium in ("video", "audio"):
            if getattr(self, f"{medium}_segmentation_type") == "fixed" and getattr(self, f"{medium}_segment_duration") is None:
                raise ValueError(f"{medium}_segment_duration is required when {medium}_segmentation_type is fixed")
        return self


def new_run(
    settings: RunSettings,
    prompt: Prompt,
    *,
    now: datetime,
    tenant: str,
    run_id: str,
    user_id: str,
    target: dict[str, Any],
    index_ids: list[str],
) -> Run:
    """Not stored yet. It keeps the prompt's contract as it is now."""
    return Run(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        run_id=run_id,
        user_id=user_id,
        prompt_id=prompt.prompt_id,
        prompt_name=prompt.name,
        prompt_revision=prompt.revision_number,
        prompt=prompt.contract(),
        target=target,
        index_ids=index_ids,
        video_segmentation_type=settings.video_segmentation_type,
        audio_segmentation_type=settings.audio_segmentation_type,
        video_segment_duration=settings.video_segment_duration if settings.video_segmentation_type == "fixed" else None,
        audio_segment_duration=settings.audio_segment_duration if settings.audio_segmentation_type == "fixed" else None,
        processing_model=settings.processing_model or DEFAULT_MODEL,
        enable_transcription=settings.enable_transcription,
        enable_image_embedding=settings.enable_image_embedding,
        force=settings.force,
        status=RunStatus.PENDING,
        wake_at=now + PLANNED_WITHIN,
    )
