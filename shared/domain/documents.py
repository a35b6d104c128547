"""What every stored thing has in common: where it lives, when it changed, and how stale a copy of it is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from shared.domain import ids


def json_field(default_factory: Any = dict) -> Any:
    """A value whose shape or length is the user's, not ours.

    Stored as one `<name>_json` string that is never indexed; what exceeds 256 KiB is kept as an object beside the document.
    """
    return field(default_factory=default_factory, metadata={"json": True})


@dataclass(kw_only=True)
class Document:
    """A stored thing. `PATH` names the ids in its path; they are not stored again in its body.

    `revision` is the store's last-update time of the copy in hand: a change through it succeeds only if nobody changed the
    document since. `version` counts such changes and marks each. A copy that is not `whole` has defaults in
    the fields it was read without: it is for looking at, never for writing.
    """

    PATH: ClassVar[str]

    created_at: datetime
    updated_at: datetime
    version: int = 1
    revision: Any = field(default=None, compare=False, repr=False, metadata={"transient": True})
    whole: bool = field(default=True, compare=False, repr=False, metadata={"transient": True})


def next_version(version: int) -> int:
    """One change more in the upper 32 bits, and in the lower ones a random mark of it."""
    return (((version >> 32) + 1) << 32) + ids.random_bits(32)


@dataclass(kw_only=True)
class Work(Document):
    """A document with a state machine that a stage drives; the document is its own outbox.

    `wake_at` stands on every non-terminal state and says when to send the state's message again; the terminal transition
    clears it. `attempt` is the fencing number of the lease that ends at `lease_until`; `failures` counts the attempts that
    were not merely throttled.
    """

    status: str
    wake_at: datetime | None = None
    attempt: int = 0
    lease_until: datetime | None = None
    failures: int = 0
