"""What the media endpoints take."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class UploadForm(BaseModel):
    """Beside the part `file`; without `index_id` the media goes to the playground."""

    title: Title
    index_id: str = ""


class RegisterBody(BaseModel):
    """An object that is in Cloud Storage already."""

    title: Title
    video_uri: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
    index_id: Id
    source_connector_id: str | None = None


class PageQuery(BaseModel):
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = None


class SegmentsQuery(PageQuery):
    """Without `run_id` and `latest_run`: the segments of the latest segmentation, without results."""

    run_id: str | None = None
    latest_run: bool = False


class RunsQuery(BaseModel):
    limit: int | None = Field(None, ge=1, le=200)
