"""What the media endpoints take."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Uri = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]

LARGEST_OBJECT = 5 * 1024**4  # bytes; Cloud Storage's own limit


class UploadForm(BaseModel):
    """Beside the part `file`; without `index_id` the media goes to the playground."""

    title: Title
    index_id: str = ""


class SessionBody(BaseModel):
    """An upload that is to come; `content_type` is what the file is said to be, what it is decides its content."""

    title: Title
    index_id: Id | None = None
    content_type: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=3, max_length=127)]
    size_bytes: int | None = Field(None, ge=1, le=LARGEST_OBJECT)


class RegisterBody(BaseModel):
    """An object that is in Cloud Storage already, or where `source_connector_id` leads: that one is copied in."""

    title: Title
    video_uri: Uri
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


class TranscriptQuery(BaseModel):
    """Without `run_id` the latest run that touched the item."""

    format: Literal["json", "vtt", "srt"] = "json"
    run_id: str | None = None


class BatchBody(BaseModel):
    video_ids: list[Id] = Field(min_length=1, max_length=100)


class SegmentsTarget(BaseModel):
    """With `run_id` the segments carry what that run found in them."""

    video_id: Id
    run_id: Id | None = None


class BatchSegmentsBody(BaseModel):
    video_ids: list[Id] | None = Field(None, min_length=1, max_length=50)
    targets: list[SegmentsTarget] | None = Field(None, min_length=1, max_length=50)

    @model_validator(mode="after")
    def _one_of_them(self) -> "BatchSegmentsBody":
        if (self.video_ids is None) == (self.targets is None):
            raise ValueError("send either video_ids or targets")
        return self

    def wanted(self) -> list[SegmentsTarget]:
        return self.targets or [SegmentsTarget(video_id=one) for one in self.video_ids or []]


class SignBody(BaseModel):
    """Every answer is freshly signed, so `force_refresh` changes nothing."""

    gcs_uri: Uri
    force_refresh: bool = False
