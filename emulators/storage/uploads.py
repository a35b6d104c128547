"""The JSON API's three ways of sending media: at once, with metadata before it, and resumable."""

import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import cors
from .checksums import Declared
from .engine import Engine
from .errors import invalid, unimplemented
from .exchange import Body, Call, answer, pump
from .json_api import MAX_BODY, parsed
from .multipart import Related, boundary_of
from .objects import Target
from .preconditions import Preconditions
from .records import Record, check_name, writable
from .sessions import Session, Span, check_size

CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)


class Uploads:
    """Receives bytes for objects and for sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def at_once(self, call: Call, body: Body) -> Response:
        fields = {"contentType": call.headers.get("content-type", "application/octet-stream")}
        target = _target(call, {**fields, "name": call.query.get("name")})
        record = await self.receive(target, body, Declared.from_headers(call.headers))
        return answer(200, record.resource(call.base))

    async def related(self, call: Call, body: Body) -> Response:
        parts = Related(body, boundary_of(call.headers.get("content-type", "")))
        resource = await parts.metadata()
        resource.setdefault("contentType", parts.media_type)
        target = _target(call, resource)
        declared = Declared.from_resource(resource).or_else(Declared.from_headers(call.headers))
        record = await self.receive(target, parts.media(), declared)
        return answer(200, record.resource(call.base))

    async def start(self, call: Call, body: Body) -> Response:
        resource = parsed(await body.read(MAX_BODY))
        if call.headers.get("x-upload-content-type"):
            resource.setdefault("contentType", call.headers["x-upload-content-type"])
        target = _target(call, resource)
        declared = Declared.from_resource(resource)
        session = await run_in_threadpool(self._engine.sessions.start, target, declared, call.origin)
        location = f"{call.base}{call.raw_path}?uploadType=resumable&upload_id={session.id}"
        return answer(200, None, {"Location": location, "X-GUploader-UploadID": session.id, **grants(session, call)})

    async def receive(
        self, target: Target, blocks: Any, declared: Declared, limits: tuple[int, int] | None = None, watch: Any = None
    ) -> Record:
        """Streams a whole object in. `watch` sees every block too; nothing is left behind if the sender goes away."""
        await run_in_threadpool(self._engine.objects.check, target)
        draft = await run_in_threadpool(self._engine.state.contents.draft)

        def write(data: bytes) -> None:
            draft.write(data)
            if watch is not None:
                watch(data)
            if limits is not None:
                check_size(max(draft.size, limits[0]), limits)

        def keep() -> Record:
            check_size(draft.size, limits)
            declared.verify(draft.sums)
            return self._engine.objects.put(target, draft)

        try:
            await pump(blocks, write)
            return await run_in_threadpool(keep)
        except BaseException:
            draft.discard()
            raise

    async def resume(self, call: Call, body: Body) -> Record | Session:
        """One PUT to a session: the finished object, or the session with what it has."""
        span = _span(call.headers.get("content-range"))
        writing = await run_in_threadpool(self._engine.sessions.begin, call.query["upload_id"], span)
        try:
            await body.into(writing.write)
        except BaseException:
            await run_in_threadpool(writing.abort)
            raise
        return await run_in_threadpool(writing.finish, Declared.from_headers(call.headers))

    async def cancel(self, call: Call) -> Response:
        await run_in_threadpool(self._engine.sessions.cancel, call.query["upload_id"])
        return answer(499)


def progress(session: Session, headers: dict[str, str]) -> Response:
    """308 with what has been received; without a `Range` if that is nothing."""
    if session.received:
        headers = {**headers, "Range": f"bytes=0-{session.received - 1}"}
    return answer(308, None, headers)


def grants(session: Session, call: Call) -> dict[str, str]:
    """The CORS headers of a session's answers."""
    wanted = call.headers.get("access-control-request-headers", "")
    return cors.session(session.origin, call.origin or "", "PUT, DELETE", wanted)


def _target(call: Call, resource: dict[str, Any]) -> Target:
    if "predefinedAcl" in call.query or "kmsKeyName" in call.query:
        raise unimplemented("access control lists and customer-managed keys")
    name = resource.get("name") or call.query.get("name")
    if not isinstance(name, str):
        raise invalid("The object needs a name.", "required")
    check_name(name)
    return Target(call.segments[4], name, writable(resource), Preconditions.from_query(call.query))


def _span(header: str | None) -> Span:
    if header is None:
        return Span(start=0, whole=True)
    match = CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        raise invalid(f"Content-Range is not readable: {header!r}")
    start, end, total = match.groups()
    size = None if total == "*" else int(total)
    if start is None:
        return Span(total=size)
    if int(end) < int(start) or (size is not None and int(end) >= size):
        raise invalid(f"Content-Range contradicts itself: {header!r}")
    return Span(int(start), int(end), size)
