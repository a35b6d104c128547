"""Following turns while they are worked on, wherever that is: one look at the store serves all streams of this instance.

A stream never waits on the store by itself. One task asks for all turns that are followed here at once, often while one moves and
seldom while it rests, and wakes the streams whose log has grown.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from shared.chat import log
from shared.domain.chat import ChatTurn, TurnStatus
from shared.store.documents import Store

SOON, SELDOM = 0.1, 1.0  # seconds between two looks
_SLOWER = 1.4
_PATIENCE = 20  # looks that fail in a row before streams are told

Key = tuple[str, str, str]  # tenant, session, turn


class TurnGone(Exception):
    """The turn was deleted while it was followed."""


@dataclass
class _Followed:
    """`last` is how far the log reaches; None once the turn is gone."""

    last: int | None = 0
    over: bool = False
    pause: float = SOON
    due: float = 0.0
    streams: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Follower:
    """For one event loop at a time."""

    def __init__(self, store: Store, soon: float = SOON, seldom: float = SELDOM) -> None:
        self._store = store
        self._soon = soon
        self._seldom = seldom
        self._followed: dict[Key, _Followed] = {}
        self._looking: asyncio.Task[None] | None = None

    async def events(self, turn: ChatTurn, after: int) -> AsyncIterator[dict[str, Any]]:
        """The log of the turn behind a sequence, as it grows, up to its end. Raises `TurnGone`."""
        key = (turn.tenant, turn.session_id, turn.turn_id)
        one = self._join(key, turn)
        try:
            while True:
                one.moved.clear()
                if one.last is None:
                    raise TurnGone
                if one.last > after:
                    for event in await asyncio.to_thread(log.read, self._store, *key, after):
                        after = event["sequence"]
                        yield event
                        if log.ends(event):
                            return
                elif one.over:
                    return  # asked for what lies behind the end
                if not one.moved.is_set():
                    await one.moved.wait()
        finally:
            self._leave(key, one)

    def _join(self, key: Key, turn: ChatTurn) -> _Followed:
        one = self._followed.setdefault(key, _Followed(turn.last_sequence, TurnStatus(turn.status).is_terminal, self._soon))
        one.streams += 1
        one.due, one.pause = 0.0, self._soon
        loop = asyncio.get_running_loop()
        if self._looking is None or self._looking.done() or self._looking.get_loop() is not loop:
            self._looking = loop.create_task(self._look())
        return one

    def _leave(self, key: Key, one: _Followed) -> None:
        one.streams -= 1
        if one.streams == 0 and self._followed.get(key) is one:
            del self._followed[key]

    async def _look(self) -> None:
        """Until nobody follows anything."""
        failed = 0
        while self._followed:
            now = asyncio.get_running_loop().time()
            due = {key: one for key, one in self._followed.items() if one.due <= now and not one.over and one.last is not None}
            if due:
                try:
                    found = await asyncio.to_thread(self._read, list(due))
                    failed = 0
                except Exception:
                    failed += 1
                    if failed >= _PATIENCE:
                        raise
                    await asyncio.sleep(self._seldom)
                    continue
                for key, one in due.items():
                    self._tell(one, found.get(key))
            await asyncio.sleep(self._soon)

    def _tell(self, one: _Followed, found: tuple[int, bool] | None) -> None:
        now = asyncio.get_running_loop().time()
        if found is None:
            one.last = None
            one.moved.set()
            return
        last, over = found
        moved = last != one.last or over
        one.last, one.over = last, over
        one.pause = self._soon if moved else min(self._seldom, one.pause * _SLOWER)
        one.due = now + one.pause
        if moved:
            one.moved.set()

    def _read(self, keys: list[Key]) -> dict[Key, tuple[int, bool]]:
        turns = self._store.get_all(ChatTurn, keys, only=("last_sequence", "status"))
        return {
            (one.tenant, one.session_id, one.turn_id): (one.last_sequence, TurnStatus(one.status).is_terminal) for one in turns
        }
