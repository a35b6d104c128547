"""What the chat endpoints take and answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from shared.domain.chat import MAX_MESSAGE_CHARS
from shared.http.answers import Moment, Object

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Model = Literal["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-pro-preview"]
DEFAULT_MODEL: Model = "gemini-2.5-flash"


class SessionBody(BaseModel):
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class ScopeBody(BaseModel):
    """Narrows where the turn may look. `playground` stands for media that belong to no index."""

    index_ids: list[Id] = Field(default_factory=list, max_length=100)
    prompt_run_ids: list[Id] = Field(default_factory=list, max_length=100)


class TurnBody(BaseModel):
    """`idempotency_key` does what the header of that name does, for clients that cannot set headers."""

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_MESSAGE_CHARS)]
    scope: ScopeBody | None = None
    idempotency_key: str | None = None
    model: Model | None = None


class ListQuery(BaseModel):
    limit: int = Field(50, ge=1, le=100)


class StreamQuery(BaseModel):
    """`after` is the sequence of the last event that was received; the header `Last-Event-ID` says the same."""

    after: int | None = Field(None, ge=0, le=10**9)


class SessionAnswer(TypedDict):
    session_id: str
    title: str
    user_id: str
    created_at: Moment
    updated_at: Moment
    last_turn_at: Moment | None


class CitationAnswer(TypedDict):
    """`[number]` stands in the content where it is cited. Of a query's rows as a whole only the result set is known."""

    number: int
    ref: str
    result_set_id: str
    result_type: str
    result_id: str | None
    video_id: str | None
    video_name: str | None
    segment_id: str | None
    start_time: float | None
    end_time: float | None
    run_id: str | None


class AssistantMessageAnswer(TypedDict):
    """`grounded` says whether anything is cited; `notice` what is to be known about who answered."""

    content: str
    citations: list[CitationAnswer]
    grounded: bool
    model: str
    notice: str


class ScopeAnswer(TypedDict):
    index_ids: list[str]
    prompt_run_ids: list[str]


class TurnAnswer(TypedDict):
    turn_id: str
    session_id: str
    status: str
    user_message: str
    assistant_message: AssistantMessageAnswer | None
    effective_scope: ScopeAnswer
    tool_trace: list[Object]
    result_sets: list[Object]
    stats: Object
    model: str
    last_sequence: int
    error: Object | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None


class TurnOnceAnswer(TurnAnswer):
    """The turn, and its fields at the top too."""

    turn: TurnAnswer


class SessionWithTurnsAnswer(SessionAnswer):
    turns: list[TurnAnswer]


class SessionDeletedAnswer(TypedDict):
    message: str
    session_id: str
    deletion_id: str
    status: str
    retry_after_seconds: int | None


Views = list[dict[str, Any]]
