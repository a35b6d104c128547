"""What the types of answers are made of. A TypedDict says what an answer carries; the reference and the tests read it."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import WithJsonSchema
from typing_extensions import TypedDict  # typing's own does not do on Python 3.11 for what pydantic asks of it

Item = TypeVar("Item")

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Object = dict[str, Any]  # JSON whose shape is the user's own


class PaginationAnswer(TypedDict):
    """`next_cursor` is the next call's `cursor`; null on the last page."""

    limit: int
    has_more: bool
    next_cursor: str | None


class Page(TypedDict, Generic[Item]):
    data: list[Item]
    pagination: PaginationAnswer


class MarkerInfoAnswer(TypedDict, total=False):
    """What the caller marked the thing with; empty where nothing is."""

    marker_id: str
    color: str
    note: str
    updated_at: Moment


class MessageAnswer(TypedDict):
    message: str


class ErrorBody(TypedDict):
    code: str
    message: str
    details: Object
    request_id: str
    timestamp: Moment


class ErrorAnswer(TypedDict):
    """The one shape of every error; what each code means and what to do about it is in docs/errors.md."""

    error: ErrorBody
