"""One HTTP request an engine wants made, the answer that came, and what an engine must offer to be carried for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Bearer:
    """Whose OIDC token goes with a request, and for whom it is meant."""

    audience: str
    email: str


@dataclass(frozen=True)
class Delivery:
    """A request that is due; `id` names it when it is settled, `deadline` bounds the call in seconds."""

    id: str
    url: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    deadline: float = 10.0
    bearer: Bearer | None = None


@dataclass(frozen=True)
class Answer:
    """What the target said; `status` is None when no answer came, `retry_after` is in seconds."""

    status: int | None
    retry_after: float | None = None


class Source(Protocol):
    """An engine with deliveries. Pure: it opens no socket and starts no thread.

    Every delivery handed out by `due` is settled exactly once, by `succeeded` or `failed`. After `due` handed
    out nothing, `next_due_at` is later than that moment, or None where only a change can make something due.
    """

    def due(self, now: float, limit: int | None = None) -> list[Delivery]: ...

    def accepts(self, status: int) -> bool: ...

    def succeeded(self, delivery_id: str, status: int = 200) -> None: ...

    def failed(self, delivery_id: str, status: int | None = None, retry_after: float | None = None) -> None: ...

    def next_due_at(self) -> float | None: ...

    def on_change(self, listener: Callable[[], None]) -> None: ...
