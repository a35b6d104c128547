"""The log of a turn's events: written by the holder of its lease alone, in blocks, each in one commit with what it tells."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.chat import ENDS, ChatTurn, EventKind, TurnBlock, numbered
from shared.domain.clock import wire_time
from shared.domain.ids import derived_id
from shared.store.documents import Batch, Store

Event = tuple[EventKind, dict[str, Any]]


def append(batch: Batch, turn: ChatTurn, events: Sequence[Event], now: datetime) -> int:
    """Adds a block behind the last; returns the sequence that the turn's document must carry with this commit."""
    if not events:
        return turn.last_sequence
    made = told(turn, events, now)
    last = made[-1]["sequence"]
    batch.create(
        TurnBlock(
            created_at=now,
            updated_at=now,
            tenant=turn.tenant,
            session_id=turn.session_id,
            turn_id=turn.turn_id,
            block_id=numbered(turn.last_sequence + 1),
            last=last,
            events=made,
        )
    )
    return int(last)


def told(turn: ChatTurn, events: Sequence[Event], now: datetime) -> list[dict[str, Any]]:
    """The events as they stand in the log behind those that are there."""
    return [_event(turn, turn.last_sequence + n, kind, said, now) for n, (kind, said) in enumerate(events, 1)]


def _event(turn: ChatTurn, sequence: int, kind: EventKind, said: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "event_id": derived_id("event", turn.tenant, turn.turn_id, sequence),
        "sequence": sequence,
        "type": kind.value,
        "session_id": turn.session_id,
        "turn_id": turn.turn_id,
        "created_at": wire_time(now),
        **said,
    }


def resumed(turn: ChatTurn, after: int, owner: str, now: datetime) -> dict[str, Any]:
    """Tells whoever comes again where it goes on; it belongs to the connection, not to the log, and has no number of its own."""
    said = {"from_sequence": after, "status": turn.status, "owner": owner}
    event = _event(turn, after, EventKind.TURN_RESUMED, said, now)
    event["event_id"] = derived_id("event", turn.tenant, turn.turn_id, "resumed", after, now.isoformat())
    return event


def read(store: Store, tenant: str, session_id: str, turn_id: str, after: int) -> list[dict[str, Any]]:
    """What stands in the log behind a sequence, in order."""
    blocks = (
        store.collection(TurnBlock, tenant, session_id, turn_id).where(filter=FieldFilter("last", ">", after)).order_by("last")
    )
    return list(behind(store.stream(TurnBlock, blocks), after))


def behind(blocks: Iterable[TurnBlock], after: int) -> Iterable[dict[str, Any]]:
    for block in blocks:
        for event in block.events:
            if event["sequence"] > after:
                yield event


def ends(event: dict[str, Any]) -> bool:
    return event["type"] in ENDS
