"""Answers that go on: a handler returns a `Response` whose body is an async iterator, and the host sends it while it comes.

Everything before the first byte is the kit's usual way (`App.handle`, in a thread): request id, credential, scope, limits, the
error envelope and the log line. How a streaming family uses it:

    def stream(call, deps):                                  # an ordinary handler, not async
        return sse(frames(...), request_id=call.request_id)  # `frames`: an async generator of `Frame`

    app = App("events", ROUTES, build)

    @functions_framework.aio.http
    async def events(request):                               # the cloud's host: ASGI, no thread per stream
        return await serve(app, request)

The local gateway mounts the same `app`: it knows an async body by itself and sends it by `send_stream`. Blocking calls inside
the generator belong into `asyncio.to_thread`. The generator is closed (`aclose`) when the client leaves, when it reads too
slowly, and when the stream is rotated, so a `finally` in it always runs.
"""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from shared import logging
from shared.domain.clock import utc_now
from shared.domain.errors import ApiError, ErrorCode
from shared.http.app import App
from shared.http.errors import error_response
from shared.http.request import Headers, Request, Response

HEARTBEAT_SECONDS = 10.0
ROTATE_SECONDS = 50 * 60.0  # the platform ends a request after 60 minutes, and cuts it wherever it is
ROTATE_BYTES = 8 * 1024 * 1024  # it ends a streamed answer at 10 MB
SEND_SECONDS = 30.0  # a reader that takes nothing for so long is gone, or as good as gone
RETRY_MILLISECONDS = 3000
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # proxies pass each piece on as it comes
}

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Frame:
    """One server-sent event. Without `data` it is none for the reader, but its `id` is where a resumed stream goes on."""

    data: Any = None
    event: str = ""
    id: str = ""
    comment: str = ""
    retry: int = 0  # milliseconds

    def encode(self) -> bytes:
        """Data as one line of JSON: no line break in it can end the event early."""
        lines = [f": {_line(self.comment)}"] if self.comment else []
        if self.retry:
            lines.append(f"retry: {self.retry}")
        if self.id:
            lines.append(f"id: {_line(self.id)}")
        if self.event:
            lines.append(f"event: {_line(self.event)}")
        if self.data is not None:
            lines.append("data: " + json.dumps(self.data, ensure_ascii=False, separators=(",", ":")))
        return ("\n".join(lines) + "\n\n").encode()


def _line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ").replace("\0", "")


def sse(
    frames: AsyncIterator[Frame],
    *,
    request_id: str = "",
    error_event: str = "error",
    position: Callable[[], str] = lambda: "",
    heartbeat: float = HEARTBEAT_SECONDS,
    seconds: float = ROTATE_SECONDS,
    most_bytes: int = ROTATE_BYTES,
) -> Response:
    """A server-sent event stream over the frames.

    Between them a heartbeat comment; after `seconds` or `most_bytes` a clean end behind a whole frame, which the client resumes.
    A fault inside `frames` is told as `error_event` before the end. `position` is the id that heartbeats carry, so that a client
    that has not been sent anything yet still resumes where it stood.
    """
    return Response(200, dict(_HEADERS), _beating(frames, request_id, error_event, position, heartbeat, seconds, most_bytes))


async def _beating(
    frames: AsyncIterator[Frame],
    request_id: str,
    error_event: str,
    position: Callable[[], str],
    heartbeat: float,
    seconds: float,
    most_bytes: int,
) -> AsyncIterator[bytes]:
    started, size, outcome = time.monotonic(), 0, "left"
    following: asyncio.Future[Frame | None] | None = None
    first = Frame(comment="stream", retry=RETRY_MILLISECONDS, id=position()).encode()
    try:
        yield first
        while True:
            following = following or asyncio.ensure_future(_next(frames))
            left = seconds - (time.monotonic() - started)
            if left <= 0 or size >= most_bytes:
                outcome = "rotated"
                return
            await asyncio.wait({following}, timeout=min(heartbeat, left))
            if not following.done():
                yield Frame(comment="heartbeat", id=position()).encode()
                continue
            try:
                frame = following.result()
            except Exception as error:  # the outermost layer of a stream: its status has long been sent
                outcome = "failed"
                logging.exception("stream failed", error, request_id=request_id)
                data = {"code": "internal", "message": "the stream ended unexpectedly; resume it", "request_id": request_id}
                yield Frame(event=error_event, data=data).encode()
                return
            following = None
            if frame is None:
                outcome = "ended"
                return
            piece = frame.encode()
            size += len(piece)
            yield piece
    finally:
        await _close(frames, following)
        logging.info(
            "stream",
            outcome=outcome,
            bytes=size,
            milliseconds=round((time.monotonic() - started) * 1000),
            request_id=request_id,
        )


async def _next(frames: AsyncIterator[Frame]) -> Frame | None:
    return await anext(frames, None)


async def _close(frames: AsyncIterator[Frame], following: "asyncio.Future[Frame | None] | None") -> None:
    if following is not None and not following.done():
        following.cancel()
        await asyncio.wait({following})
    if following is not None and not following.cancelled():
        following.exception()  # looked at, so that nobody complains of an exception nobody saw
    closing = getattr(frames, "aclose", None)
    if closing is not None:
        await closing()


async def send_stream(response: Response, receive: Receive, send: Send, *, send_seconds: float = SEND_SECONDS) -> None:
    """Sends an async body while it comes; ends it when the client has left or reads too slowly."""
    body: Any = response.body
    sending = asyncio.ensure_future(_pieces(response, send, send_seconds))
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.wait({sending, leaving})
        await body.aclose()
    if not sending.cancelled() and (error := sending.exception()) is not None and not isinstance(error, OSError):
        raise error


async def _pieces(response: Response, send: Send, seconds: float) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for piece in response.body:  # type: ignore[union-attr]
        await asyncio.wait_for(send({"type": "http.response.body", "body": piece, "more_body": True}), seconds)
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


@dataclass(frozen=True)
class Hosted:
    """A body that an ASGI application sends, status and headers included, without a thread waiting for it.

    `scope` is what the application is told of the request, and `sent` the request's body. The headers of the response that holds
    it go along, unless the application sends its own of the same name.
    """

    app: Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
    scope: MutableMapping[str, Any]
    sent: bytes = b""


async def send_hosted(response: Response, receive: Receive, send: Send) -> None:
    """Has the application answer; a fault before its first byte is a 500 in the shape of every other error."""
    hosted: Any = response.body
    ours = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    pending = [{"type": "http.request", "body": hosted.sent, "more_body": False}]
    begun = False

    async def replayed() -> MutableMapping[str, Any]:
        return pending.pop() if pending else await receive()

    async def merged(message: MutableMapping[str, Any]) -> None:
        nonlocal begun
        if message["type"] == "http.response.start":
            begun = True
            own = list(message.get("headers", []))
            names = {name for name, _ in own}
            message = {**message, "headers": [*(pair for pair in ours if pair[0] not in names), *own]}
        await send(message)

    try:
        await hosted.app(hosted.scope, replayed, merged)
    except Exception as error:  # the outermost layer here
        request_id = response.headers.get("X-Request-Id", "")
        logging.exception("hosted answer failed", error, request_id=request_id)
        if begun:
            raise
        failed = error_response(ApiError(ErrorCode.INTERNAL, "something went wrong on our side"), request_id, utc_now())
        body: Any = failed.body
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in failed.headers.items()]
        await merged({"type": "http.response.start", "status": failed.status, "headers": headers})
        await merged({"type": "http.response.body", "body": body})


async def serve(app: App[Any], request: Any) -> Any:
    """The entry point under functions-framework's ASGI host: `request` is Starlette's; what is returned answers it."""
    body = await request.body()
    length = request.headers.get("content-length", "")
    asked = Request(
        method=request.method,
        path=request.scope.get("raw_path", request.url.path.encode()).decode("latin-1"),
        query_string=request.scope.get("query_string", b"").decode("latin-1"),
        headers=Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
        body=io.BytesIO(body),
        content_length=int(length) if length.isdecimal() else len(body),
        remote=request.client.host if request.client else "",
    )
    response = await asyncio.to_thread(app.handle, asked)
    return _Answered(response)


class _Answered:
    """A response of ours as an ASGI application, which is what Starlette takes for an answer."""

    def __init__(self, response: Response) -> None:
        self._response = response

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        response = self._response
        if isinstance(response.body, AsyncIterator):
            return await send_stream(response, receive, send)
        if isinstance(response.body, Hosted):
            return await send_hosted(response, receive, send)
        body: Any = response.body
        whole = body if isinstance(body, bytes) else b"".join(body)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()]
        headers.append((b"content-length", str(len(whole)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": whole})
