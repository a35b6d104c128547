"""The service on one port: which of its protocols a request speaks, and how each says no."""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulators.faults import Faults, InjectedFault

from .engine import Engine
from .errors import StorageError, denied, injected, invalid, not_found, unimplemented
from .exchange import Body, Call, FileAnswer, answer, extent, passing
from .json_api import MAX_BODY, JsonApi, source
from .multipart import Inner, batch_parts
from .sessions import Session
from .uploads import Uploads, grants, progress
from .xml_api import XmlApi, describe

JSON_ROOTS = (["storage", "v1"], ["upload", "storage", "v1"], ["download", "storage", "v1"], ["batch", "storage", "v1"])
MAX_BATCH = 100
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


class Wire:
    """The ASGI application."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        self._faults = faults
        self._json = JsonApi(engine)
        self._uploads = Uploads(engine)
        self._xml = XmlApi(engine, self._uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = Body(receive)
        try:
            response = await self._respond(scope, body)
        except ClientDisconnect:
            return  # nobody is left to answer
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, body: Body) -> Response | FileAnswer:
        call: Call | None = None
        try:
            call = Call.from_scope(scope)
            if _is_json(call):
                return await self._json_protocol(call, body)
            return await self._xml_protocol(call, body)
        except StorageError as refused:
            await body.drain()
            return _refusal(refused, as_json=call is None or _is_json(call))
        except InjectedFault as fault:
            await body.drain()
            return _refusal(injected(fault.status, str(fault)), as_json=call is None or _is_json(call))

    async def _xml_protocol(self, call: Call, body: Body) -> Response | FileAnswer:
        if call.method == "OPTIONS":
            return await run_in_threadpool(self._xml.preflight, call)
        headers = await run_in_threadpool(self._xml.grants, call)
        response: Response | FileAnswer
        try:
            async with passing(self._faults, self._xml.operation(call)) as fault:
                response = await self._xml.respond(call, body)
                if fault is not None and fault.effect == "cut" and isinstance(response, FileAnswer):
                    response.cut = fault.bytes
        except StorageError as refused:
            await body.drain()
            response = _refusal(refused, as_json=False)
        for name, value in headers.items():
            if name.lower() not in {given.lower() for given in response.headers}:
                response.headers[name] = value
        return response

    async def _json_protocol(self, call: Call, body: Body) -> Response | FileAnswer:
        resumes = call.segments[0] == "upload" and "upload_id" in call.query
        if resumes:
            return await self._session(call, body)
        _check_caller(call)
        if call.segments[0] == "upload":
            return await self._upload(call, body)
        if call.segments[0] == "batch":
            return await self._batch(call, body)
        if call.method == "GET" and call.query.get("alt") == "media":
            async with passing(self._faults, "storage.objects.read") as fault:
                response = await run_in_threadpool(self._download, call)
                if fault is not None and fault.effect == "cut":
                    response.cut = fault.bytes
                return response
        return await self._metadata(call, await body.read(MAX_BODY))

    async def _metadata(self, call: Call, body: bytes) -> Response:
        operation, _, _ = self._json.find(call)
        async with passing(self._faults, operation):
            result = await run_in_threadpool(self._json.handle, call, body)
        return answer(204 if result is None else 200, result)

    async def _upload(self, call: Call, body: Body) -> Response:
        if call.method != "POST" or call.segments[3:4] != ["b"] or call.segments[5:] != ["o"]:
            raise not_found(call.raw_path)
        ways = {
            "media": (self._uploads.at_once, "storage.objects.insert"),
            "multipart": (self._uploads.related, "storage.objects.insert"),
            "resumable": (self._uploads.start, "storage.resumable.start"),
        }
        way = ways.get(call.query.get("uploadType", ""))
        if way is None:
            raise invalid("uploadType must be media, multipart or resumable.")
        async with passing(self._faults, way[1]):
            return await way[0](call, body)

    async def _session(self, call: Call, body: Body) -> Response:
        session = await run_in_threadpool(self._engine.sessions.get, call.query["upload_id"])
        granted = grants(session, call)
        if call.method == "OPTIONS":
            return Response(headers=granted)
        if call.method == "DELETE":
            async with passing(self._faults, "storage.resumable.cancel"):
                return await self._uploads.cancel(call)
        if call.method not in ("PUT", "POST"):
            raise unimplemented(f"{call.method} on an upload session")
        async with passing(self._faults, "storage.resumable.write"):
            outcome = await self._uploads.resume(call, body)
        if isinstance(outcome, Session):
            return progress(outcome, granted)
        return answer(200, outcome.resource(call.base), granted)

    def _download(self, call: Call) -> FileAnswer:
        names = call.segments[-3::2]
        if call.segments[-4::2] != ["b", "o"]:
            raise not_found(call.raw_path)
        record, file = self._engine.objects.open(source(call, names))
        try:
            wanted = extent(call.headers.get("range"), record.size)
            return FileAnswer(file, record.size, wanted, describe(record))
        except BaseException:
            file.close()
            raise

    async def _batch(self, call: Call, body: Body) -> Response:
        parts = batch_parts(call.headers.get("content-type", ""), await body.read(MAX_BATCH * MAX_BODY))
        if len(parts) > MAX_BATCH:
            raise invalid(f"A batch holds at most {MAX_BATCH} requests.")
        boundary = "batch_answers"
        pieces = [await self._inner(call, part) for part in parts]
        content = b"".join(b"--batch_answers\r\n" + piece + b"\r\n" for piece in pieces) + b"--batch_answers--\r\n"
        return Response(content, headers={"Content-Type": f"multipart/mixed; boundary={boundary}"})

    async def _inner(self, outer: Call, part: Inner) -> bytes:
        try:
            target = part.target.partition("://")[2].partition("/")[2] if "://" in part.target else part.target
            inner = Call.of(part.method, f"/{target.lstrip('/')}", {**part.headers, "host": outer.headers["host"]})
            response = await self._metadata(inner, part.body)
        except StorageError as refused:
            response = _refusal(refused, as_json=True)
        except InjectedFault as fault:
            response = _refusal(injected(fault.status, str(fault)), as_json=True)
        phrase = HTTPStatus(response.status_code).phrase
        content_id = f"<response-{part.content_id.strip('<>')}>"
        head = (
            f"Content-Type: application/http\r\nContent-ID: {content_id}\r\n\r\n"
            f"HTTP/1.1 {response.status_code} {phrase}\r\n"
            f"Content-Type: {response.headers.get('content-type', 'text/plain')}\r\n\r\n"
        )
        return head.encode() + bytes(response.body)


def _is_json(call: Call) -> bool:
    return any(call.segments[: len(root)] == root for root in JSON_ROOTS)


def _check_caller(call: Call) -> None:
    """The JSON API believes anyone, so it must not be reachable from a web page, not even by DNS rebinding."""
    host = call.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name not in LOOPBACK:
        raise denied("The JSON API answers on loopback names only.")
    # The Origin of a start says which page may use the session. The starter itself is a server: a page could not send
    # Authorization without a preflight, which is refused here.
    starts_upload = call.query.get("uploadType") == "resumable" and "authorization" in call.headers
    if call.origin is not None and not starts_upload:
        raise denied("The JSON API does not answer web pages.")


def _refusal(refused: StorageError, as_json: bool) -> Response:
    if refused.status == 304:
        return Response(status_code=304)
    if as_json:
        return Response(refused.as_json(), refused.status, media_type="application/json; charset=UTF-8")
    return Response(refused.as_xml(), refused.status, media_type="application/xml; charset=UTF-8")
