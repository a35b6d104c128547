"""What the workflow endpoints take."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from shared.domain.imports import MOST_ATTACHED
from shared.tables.wire import Condition

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
IndexName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Wish = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=5000)]
Level = Literal["segment", "video"]
MOST_PROCESSED = 1000


class Destination(BaseModel):
    """An index by its id, or by a name that one has or is then given; neither: the playground."""

    index_id: Id | None = None
    index_name: IndexName | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.index_id and self.index_name:
            raise ValueError("send index_id or index_name, not both")
        return self


class UploadForm(Destination):
    """Beside the part `file`; without `title` the item is named as the file."""

    title: Title | None = None


class AttachedFile(BaseModel):
    """`download_url` is read once, by GET and without a credential; `file_id` is the sender's own name for the file."""

    download_url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2048)]
    file_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
    file_name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)] | None = None
    mime_type: Annotated[str, StringConstraints(strip_whitespace=True, max_length=127)] | None = None


class AttachmentsBody(Destination):
    """`title` names the items; several are numbered."""

    files: list[AttachedFile] = Field(min_length=1, max_length=MOST_ATTACHED)
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=240)] | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({one.file_id for one in self.files}) < len(self.files):
            raise ValueError("each file_id stands for one file")
        return self


class DefineBody(BaseModel):
    """Without `save` the definition is made and forgotten."""

    instruction: Wish
    save: bool = True


class ProcessBody(Destination):
    """Exactly one prompt (`prompt_id`, or `prompt_instruction` to have one made) and exactly one target: `import_job_id`, or
    `video_ids`, or an index. `fixed` without a duration cuts each 10 s."""

    prompt_id: Id | None = None
    prompt_instruction: Wish | None = None
    import_job_id: Id | None = None
    video_ids: Id | Annotated[list[Id], Field(min_length=1, max_length=MOST_PROCESSED)] | None = None
    segmentation_mode: Literal["smart", "content_aware", "fixed"] | None = None
    fixed_segment_duration_seconds: int | None = Field(None, ge=1, le=300)
    advanced_transcription: bool | None = None
    create_image_embeddings: bool | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.prompt_id is None) == (self.prompt_instruction is None):
            raise ValueError("send exactly one of prompt_id and prompt_instruction")
        index = self.index_id or self.index_name
        if self.import_job_id and (self.video_ids or index):
            raise ValueError("import_job_id is a target of its own: leave video_ids, index_id and index_name out")
        if not (self.import_job_id or self.video_ids or index):
            raise ValueError("send a target: import_job_id, video_ids, index_id or index_name")
        if self.fixed_segment_duration_seconds is not None and self.segmentation_mode != "fixed":
            raise ValueError("fixed_segment_duration_seconds goes with segmentation_mode fixed")
        return self


Some = Id | Annotated[list[Id], Field(min_length=1, max_length=100)]


class SearchBody(Destination):
    """Exactly one of `query` and `filters`, over everything of the caller or what the rest narrows it to."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)] | None = None
    filters: Annotated[list[Condition], Field(max_length=4)] | None = None
    result_level: Level = "segment"
    video_ids: Some | None = None
    prompt_run_ids: Some | None = None
    limit: int = Field(10, ge=1, le=50)

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if bool(self.query) == bool(self.filters):
            raise ValueError("send exactly one of query and filters")
        return self


class SearchPageQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class ResultsQuery(BaseModel):
    """`filtered`: what the run found something in; `unfiltered`: all of it. Each stream has a cursor of its own."""

    view: Literal["both", "filtered", "unfiltered"] = "both"
    result_level: Level = "segment"
    limit: int = Field(20, ge=1, le=100)
    filtered_cursor: str | None = None
    unfiltered_cursor: str | None = None


class GrantBody(BaseModel):
    """With `segment_id` the address carries the segment's time as a media fragment (#t=start,end)."""

    video_id: Id
    run_id: Id | None = None
    segment_id: Id | None = None
    intent: Literal["download", "play", "preview"] = "download"


def several(some: str | list[str] | None) -> list[str]:
    """What may be sent as one id or as a list of them."""
    if some is None:
        return []
    return list(dict.fromkeys([some] if isinstance(some, str) else some))
