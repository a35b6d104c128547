"""What the import job endpoints take and answer."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from shared.domain.globs import MAX_PATTERN_CHARS, BadPattern, compiled
from shared.domain.imports import MOST_ATTACHED, ImportStatus

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


def _pattern(pattern: str) -> str:
    try:
        compiled(pattern)
    except BadPattern as error:
        raise ValueError(str(error)) from None
    return pattern


def _status(status: str) -> str:
    if status.lower() not in set(ImportStatus):
        raise ValueError(f"one of {', '.join(ImportStatus)}")
    return status.lower()


class ImportBody(BaseModel):
    """`file_pattern` is `*.mp4`, `*.{mp4,mov}`, `cams/**/*.mkv`: without a slash it is for the last part of a name."""

    connector_id: Id
    index_id: Id
    source_prefix: Annotated[str, StringConstraints(max_length=1024)] = ""
    file_pattern: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN_CHARS), AfterValidator(_pattern)] = "*"
    recursive: bool = True


class FreshSource(BaseModel):
    """Where an attached file is now. `file_id` is the one it was attached under, or the one that the job's files tell."""

    file_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
    download_url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2048)]


class RetryBody(BaseModel):
    """`files` is for attachments whose addresses ran out; what comes from a connector is read through it."""

    files: list[FreshSource] | None = Field(None, max_length=MOST_ATTACHED)


class JobsQuery(BaseModel):
    """`status` in upper or lower case."""

    status: Annotated[str, AfterValidator(_status)] | None = None
    limit: int = Field(200, ge=1, le=200)


class PageQuery(BaseModel):
    limit: int = Field(100, ge=1, le=100)
    cursor: str | None = None


class FilesQuery(PageQuery):
    failed_only: bool = False
