"""What executing a prompt takes."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Seconds = Annotated[int, Field(ge=1, le=300, strict=True)]
Model = Literal["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-pro-preview"]


class IndexTarget(BaseModel):
    type: Literal["index"]
    index_id: Id


class VideosTarget(BaseModel):
    type: Literal["videos"]
    video_ids: list[Id] = Field(min_length=1, max_length=1000)
    index_id: Id | None = None


class PlaygroundTarget(BaseModel):
    type: Literal["playground"]


Target = Annotated[IndexTarget | VideosTarget | PlaygroundTarget, Field(discriminator="type")]


class ExecuteBody(BaseModel):
    """Durations are whole seconds, required where the segmentation is `fixed`.

    Where the same prompt ran over the same segments with the same settings before, its answers are taken over and no model is
    asked; `force` asks anew.
    """

    prompt_id: Id
    target: Target
    video_segmentation_type: Literal["smart", "fixed", "content_aware"] = "smart"
    audio_segmentation_type: Literal["fixed", "content_aware"] = "content_aware"
    video_segment_duration: Seconds | None = None
    audio_segment_duration: Seconds | None = None
    processing_model: Model | None = None
    enable_transcription: bool = True
    enable_image_embedding: bool = True
    force: bool = False

    @model_validator(mode="after")
    def _durations(self) -> "ExecuteBody":
        for medium in ("video", "audio"):
            if getattr(self, f"{medium}_segmentation_type") == "fixed" and getattr(self, f"{medium}_segment_duration") is None:
                raise ValueError(f"{medium}_segment_duration is required when {medium}_segmentation_type is fixed")
        return self


class RetryBody(BaseModel):
    """May be left out; the `Idempotency-Key` header comes first."""

    idempotency_key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)] | None = None


class ProcessQuery(BaseModel):
    """Without `prompt_id`, the prompt attached to the item's index."""

    segment_duration: int = Field(10, ge=1, le=300)
    prompt_id: Id | None = None


class ListQuery(BaseModel):
    limit: int = Field(50, ge=1, le=200)


class ResultsQuery(BaseModel):
    video_id: Id
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = None
