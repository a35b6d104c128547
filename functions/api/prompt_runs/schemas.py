"""What executing a prompt takes."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from shared.domain.run_settings import Id, RunSettings


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


class ExecuteBody(RunSettings):
    __doc__ = RunSettings.__doc__

    target: Target


class RetryBody(BaseModel):
    """May be left out; the `Idempotency-Key` header comes first."""

    idempotency_key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)] | None = None


class ProcessQuery(BaseModel):
    """Without `prompt_id`, the prompt attached to the item's index."""

    segment_duration: int = Field(10, ge=1, le=300)
    prompt_id: Id | None = None


class ListQuery(BaseModel):
    limit: int = Field(50, ge=1, le=200)


class CallsQuery(BaseModel):
    """With `segment_id`, only the calls about that segment."""

    segment_id: Id | None = None


class ResultsQuery(BaseModel):
    video_id: Id
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = None
