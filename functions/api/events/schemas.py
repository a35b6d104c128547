"""What the event stream takes, and what it sends."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, field_validator
from typing_extensions import TypedDict

from shared.domain.events import EventType
from shared.http.answers import Moment, Object

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class StreamQuery(BaseModel):
    """Every filter narrows; lists are repeated keys or values with commas between them."""

    run_id: Id | None = None
    index_id: Id | None = None
    video_ids: Annotated[list[Id], Field(max_length=100)] = []
    event_types: Annotated[list[EventType], Field(max_length=100)] = []
    batch_size: Annotated[int, Field(ge=1, le=500)] = 100

    @field_validator("video_ids", "event_types", mode="before")
    @classmethod
    def _split(cls, values: Any) -> Any:
        if not isinstance(values, list):
            return values
        return [part.strip() for value in values for part in str(value).split(",") if part.strip()]


class EventAnswer(TypedDict):
    """The `data` of one event; its `id` is the place in the tenant's log."""

    event_id: str
    event_type: str
    user_id: str
    run_id: str | None
    video_id: str | None
    segment_id: str | None
    index_id: str | None
    created_at: Moment
    payload: Object
