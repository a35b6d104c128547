"""Chat: sessions, the turns in them, each turn's steps and the log of its events."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from shared.domain.documents import Document, Work, json_field

MAX_MESSAGE_CHARS = 8_000
MAX_STEPS = 6  # calls of the model in one turn; the last has no tools, so a turn ends in words
MAX_TOOL_CALLS = 12
MAX_SECONDS = 90.0  # of work; waiting for a worker does not count
PLAYGROUND_NAME = "playground"  # on the wire, for media that belong to no index


class TurnStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self not in (TurnStatus.PENDING, TurnStatus.PROCESSING)


class EventKind(StrEnum):
    TURN_STARTED = "turn_started"
    TURN_RESUMED = "turn_resumed"
    AGENT_STATE = "agent_state"
    TOOL_CALL_STARTED = "tool_call_started"
    TOOL_CALL_RESULT = "tool_call_result"
    ASSISTANT_DELTA = "assistant_delta"
    TURN_COMPLETED = "turn_completed"
    ERROR = "error"


ENDS = frozenset({EventKind.TURN_COMPLETED, EventKind.ERROR})


@dataclass(kw_only=True)
class ChatSession(Document):
    """`stops` are the turns somebody asked to stop: written here, for a turn's own document belongs to its worker."""

    PATH: ClassVar[str] = "tenants/{tenant}/sessions/{session_id}"

    tenant: str
    session_id: str
    user_id: str
    title: str = json_field(str)
    last_turn_at: datetime | None = None
    stops: dict[str, datetime] = field(default_factory=dict)
    deleted_at: datetime | None = None


@dataclass(kw_only=True)
class ChatTurn(Work):
    """One question and its answer. Only the holder of its lease writes it and its log once it has begun.

    `owner` is the tenant below which the media of the scope lie: the caller's own, or that of shared indexes. In `index_ids` ""
    stands for the playground; no `run_ids` means all completed runs.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/sessions/{session_id}/turns/{turn_id}"

    tenant: str
    session_id: str
    turn_id: str
    user_id: str
    request_id: str = ""
    request_hash: str = ""
    message: str = json_field(str)
    owner: str = ""
    index_ids: list[str] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    model: str = ""
    last_sequence: int = 0
    spent_seconds: float = 0.0
    answer: dict[str, Any] = json_field()  # content, citations, grounded, notice
    tool_trace: list[dict[str, Any]] = json_field(list)
    result_sets: list[dict[str, Any]] = json_field(list)
    stats: dict[str, Any] = json_field()
    error: dict[str, Any] = json_field()
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(kw_only=True)
class TurnStep(Document):
    """One answer of the model and what became of the tools it called. Once here, neither is ever asked for again.

    `content` is what the model said, kept as it came: its signatures must go back untouched. `outcomes` are by call id.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/sessions/{session_id}/turns/{turn_id}/steps/{step_id}"

    tenant: str
    session_id: str
    turn_id: str
    step_id: str
    model: str = ""
    content: dict[str, Any] = json_field()
    calls: list[dict[str, Any]] = json_field(list)  # {tool_call_id, id, name, arguments, started_at}
    outcomes: dict[str, dict[str, Any]] = json_field()
    text: str = json_field(str)
    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0

    @property
    def number(self) -> int:
        return int(self.step_id)


@dataclass(kw_only=True)
class TurnBlock(Document):
    """Some events of a turn in a row, appended in one piece; `last` is the sequence of the last of them."""

    PATH: ClassVar[str] = "tenants/{tenant}/sessions/{session_id}/turns/{turn_id}/blocks/{block_id}"

    tenant: str
    session_id: str
    turn_id: str
    block_id: str
    last: int
    events: list[dict[str, Any]] = json_field(list)


def numbered(number: int) -> str:
    """As ids in the order of their numbers."""
    return f"{number:06d}"
