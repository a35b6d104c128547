"""The stream of a tenant's events: from now, or from a place in the log."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from functions.api.events.schemas import StreamQuery
from functions.api.events.tailing import LogUnreadable, Tail, Tails, read_after
from shared.domain.clock import wire_time
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.events import Event, EventLog
from shared.http.call import Call, Caller
from shared.http.request import Headers, Response
from shared.http.streaming import Frame, sse
from shared.store.documents import Store

ERROR_EVENT = "processing.stream_error"
CHECK_SECONDS = 15.0  # how long a credential that was revoked still reads
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Deps:
    store: Store
    tails: Tails
    caller: Callable[[Headers], Caller]


def stream(call: Call[None], deps: Deps) -> Response:
    """Follow what happens to media, runs, imports and exports, as server-sent events"""
    log = deps.store.get(EventLog, call.tenant)
    last = log.last_seq if log is not None else 0
    reader = Reader(call, deps, last, _resumed(call.request.headers))
    return sse(reader.frames(), request_id=call.request_id, error_event=ERROR_EVENT, position=lambda: str(reader.position))


def _resumed(headers: Headers) -> int | None:
    text = headers.get("Last-Event-ID").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ApiError(ErrorCode.INVALID_REQUEST, "Last-Event-ID is the number of an event, as this stream sends it in id")
    return int(text)


class Reader:
    """One open stream; `position` is the number of the last event it has looked at, whether it was one to send or not."""

    def __init__(self, call: Call[None], deps: Deps, last: int, resumed: int | None) -> None:
        self._tenant = call.tenant
        self._headers = call.request.headers
        self._query: StreamQuery = call.query
        self._deps = deps
        self._last = last
        self._resumed = resumed
        self._checked = time.monotonic()
        self.position = last if resumed is None else resumed

    async def frames(self) -> AsyncIterator[Frame]:
        lost = await self._lost()
        if lost is not None:
            yield lost
            return
        async with self._deps.tails.following(self._tenant, self._last) as tail:
            while True:
                try:
                    events = await tail.after(self.position, self._query.batch_size)
                except LogUnreadable:
                    yield self._error("log_unreadable", "the log cannot be read right now; resume the stream in a moment")
                    return
                for event in events:
                    self.position = event.seq or 0
                    if self._wanted(event):
                        yield Frame(_data(event), event.event_type, str(event.seq))
                refused = await self._refused()
                if refused is not None:
                    yield refused
                    return
                if not events:
                    await self._wait(tail)

    async def _wait(self, tail: Tail) -> None:
        await tail.wait(CHECK_SECONDS)

    async def _lost(self) -> Frame | None:
        """What to say where the log does not go on behind the place the client names; the id is where it can go on."""
        asked = self._resumed
        if asked is None or asked == self._last:
            return None
        if asked > self._last:
            self.position = self._last
            return self._error("replay_position_unknown", "this log has no such number; resume, and it goes on with what is new")
        first = await asyncio.to_thread(read_after, self._deps.store, self._tenant, asked, 1)
        begins = first[0].seq or 0 if first else self._last + 1
        if asked == 0:
            self.position = begins - 1
        elif begins != asked + 1:
            self.position = begins - 1
            said = "events behind this place are no longer kept; read the runs' own state, then resume"
            return self._error("replay_window_exceeded", said)
        return None

    async def _refused(self) -> Frame | None:
        """A stream outlives its request's check of the credential by far: it is looked at again from time to time."""
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return None
        self._checked = time.monotonic()
        try:
            caller = await asyncio.to_thread(self._deps.caller, self._headers)
        except ApiError as error:
            if error.code is not ErrorCode.UNAUTHENTICATED:
                return None  # the issuer is away for a moment
            return self._error(error.code.code, error.message)
        return None if caller.tenant == self._tenant else self._error("unauthenticated", "the credential is another one's now")

    def _wanted(self, event: Event) -> bool:
        query = self._query
        if query.run_id and event.run_id != query.run_id:
            return False
        if query.index_id and query.index_id not in {event.index_id, *event.payload.get("index_ids", [])}:
            return False
        if query.video_ids and event.video_id not in query.video_ids:
            return False
        return not query.event_types or event.event_type in query.event_types

    def _error(self, code: str, message: str) -> Frame:
        return Frame({"code": code, "message": message}, ERROR_EVENT, str(self.position))


def _data(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "user_id": event.user_id,
        "run_id": event.run_id or None,
        "video_id": event.video_id or None,
        "segment_id": event.segment_id or None,
        "index_id": event.index_id or None,
        "created_at": wire_time(event.created_at),
        "payload": event.payload,
    }
