"""What the index endpoints take."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from shared.http.nullable import NullIs


class AttachmentAnswer(TypedDict):
    index_id: str
    prompt_id: str | None


class DetachmentAnswer(AttachmentAnswer):
    message: str


class IndexCreate(BaseModel):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), NullIs(str)] = ""


class IndexList(BaseModel):
    include_defaults: bool = True


class PageQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None


class PromptAttachment(BaseModel):
    prompt_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
