"""Objects by signed URL: GET, HEAD, PUT, DELETE and the start of a resumable upload, then the session by its own id."""

import base64
import hashlib
import re
from email.utils import formatdate

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import cors
from .checksums import Declared
from .engine import Engine
from .errors import StorageError, invalid, no_such_bucket, not_modified, unimplemented
from .exchange import Body, Call, FileAnswer, extent
from .objects import Source, Target
from .preconditions import Preconditions
from .records import Record, check_name
from .sessions import Session
from .signing import Presented
from .uploads import Uploads, grants, progress

META = "x-goog-meta-"
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELDS = {
    "content-type": "contentType",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "cache-control": "cacheControl",
}
OVERRIDES = {"response-content-type": "Content-Type", "response-content-disposition": "Content-Disposition"}


class XmlApi:
    """Every call but a session's and a preflight proves itself by its signature; nobody else has access."""

    def __init__(self, engine: Engine, uploads: Uploads) -> None:
        self._engine = engine
        self._uploads = uploads

    async def respond(self, call: Call, body: Body) -> Response | FileAnswer:
        bucket, name = self._names(call)
        if "upload_id" in call.query:
            return await self._session(call, body)
        presented = Presented(call.method, call.raw_path, call.pairs, call.headers)
        await run_in_threadpool(self._engine.signatures.verify, presented)
        check_name(name)
        if call.method in ("GET", "HEAD"):
            return await run_in_threadpool(self._read, call, bucket, name)
        if call.method == "PUT":
            return await self._put(call, body, bucket, name)
        if call.method == "POST" and call.headers.get("x-goog-resumable") == "start":
            return await self._start(call, body, bucket, name)
        if call.method == "DELETE":
            source = Source(bucket, name, call.number("generation"), Preconditions.from_headers(call.headers))
            await run_in_threadpool(self._engine.objects.delete, source)
            return Response(status_code=204)
        raise unimplemented(f"{call.method} on an object")

    def operation(self, call: Call) -> str:
        """The name by which faults are ordered."""
        if "upload_id" in call.query:
            return "storage.resumable.cancel" if call.method == "DELETE" else "storage.resumable.write"
        names = {
            "GET": "storage.objects.read",
            "HEAD": "storage.objects.get",
            "PUT": "storage.objects.insert",
            "POST": "storage.resumable.start",
            "DELETE": "storage.objects.delete",
        }
        return names.get(call.method, f"storage.xml.{call.method}")

    def preflight(self, call: Call) -> Response:
        """Answers OPTIONS by the bucket's rules; without headers where they allow nothing."""
        origin = call.origin or ""
        method = call.headers.get("access-control-request-method", "")
        listed = call.headers.get("access-control-request-headers", "")
        if "upload_id" in call.query:
            granted = grants(self._engine.sessions.get(call.query["upload_id"]), call)
            if granted:
                return Response(headers=granted)
        wanted = [name.strip() for name in listed.split(",") if name.strip()]
        return Response(headers=cors.preflight(self._rules(call), origin, method, wanted))

    def grants(self, call: Call) -> dict[str, str]:
        """The CORS headers of any other answer, refusals included, so that a page may read why."""
        if call.origin is None:
            return {}
        return cors.response(self._rules(call), call.origin, call.method)

    def _rules(self, call: Call) -> cors.Rules:
        try:
            return self._engine.buckets.get(call.segments[0]).settings.get("cors") or []
        except StorageError:
            return []

    def _names(self, call: Call) -> tuple[str, str]:
        bucket, _, name = "/".join(call.segments).partition("/")
        if not bucket:
            raise no_such_bucket("")
        if not name:
            raise unimplemented(f"{call.method} on a bucket by the XML API")
        return bucket, name

    def _read(self, call: Call, bucket: str, name: str) -> FileAnswer:
        source = Source(bucket, name, call.number("generation"), Preconditions.from_headers(call.headers))
        record, file = self._engine.objects.open(source)
        try:
            if call.headers.get("if-none-match") in (_etag(record), "*"):
                raise not_modified()
            headers = describe(record)
            for parameter, header in OVERRIDES.items():
                if call.query.get(parameter):
                    headers[header] = _one_line(call.query[parameter])
            if_range = call.headers.get("if-range")
            wanted = call.headers.get("range") if if_range in (None, _etag(record)) else None
            return FileAnswer(file, record.size, extent(wanted, record.size), headers, call.method == "GET")
        except BaseException:
            file.close()
            raise

    async def _put(self, call: Call, body: Body, bucket: str, name: str) -> Response:
        if "x-goog-copy-source" in call.headers:
            raise unimplemented("copies by the XML API")
        promised = call.headers.get("x-goog-content-sha256")
        sha256 = None if promised in (None, "UNSIGNED-PAYLOAD") else hashlib.sha256()
        record = await self._uploads.receive(
            _target(call, bucket, name),
            _promised(body, sha256, promised) if sha256 is not None else body,
            Declared.from_headers(call.headers),
            _limits(call),
        )
        return Response(headers=_stored(record))

    async def _start(self, call: Call, body: Body, bucket: str, name: str) -> Response:
        await body.read(0)
        target, declared = _target(call, bucket, name), Declared()
        session = await run_in_threadpool(self._engine.sessions.start, target, declared, call.origin, _limits(call))
        location = f"{call.base}{call.raw_path}?upload_id={session.id}"
        headers = {"Location": location, "X-GUploader-UploadID": session.id, **grants(session, call)}
        return Response(status_code=201, headers=headers)

    async def _session(self, call: Call, body: Body) -> Response:
        session = await run_in_threadpool(self._engine.sessions.get, call.query["upload_id"])
        granted = grants(session, call)
        if call.method == "DELETE":
            return await self._uploads.cancel(call)
        if call.method != "PUT":
            raise unimplemented(f"{call.method} on an upload session")
        outcome = await self._uploads.resume(call, body)
        if isinstance(outcome, Session):
            return progress(outcome, granted)
        return Response(headers={**_stored(outcome), **granted})


async def _promised(body: Body, sha256: "hashlib._Hash", promised: str | None):  # type: ignore[no-untyped-def]
    async for block in body:
        sha256.update(block)
        yield block
    if sha256.hexdigest() != promised:
        raise invalid("The body does not have the SHA-256 that was signed.", "XGoogContentSHA256Mismatch")


def describe(record: Record) -> dict[str, str]:
    """The headers that go with an object's bytes."""
    headers = {
        "Content-Type": _one_line(record.content_type),
        "Cache-Control": "private, max-age=0",
        "Last-Modified": formatdate(record.updated, usegmt=True),
        **_stored(record),
    }
    for header, key in FIELDS.items():
        if header != "content-type" and record.fields.get(key):
            headers[header.title()] = _one_line(record.fields[key])
    for key, value in (record.fields.get("metadata") or {}).items():
        if TOKEN.fullmatch(key):  # others exist, but cannot be the name of a header
            headers[f"{META}{key}"] = _one_line(value)
    return headers


def _stored(record: Record) -> dict[str, str]:
    md5 = f",md5={record.md5}" if record.md5 else ""
    return {
        "ETag": _etag(record),
        "X-Goog-Generation": str(record.generation),
        "X-Goog-Metageneration": str(record.metageneration),
        "X-Goog-Hash": f"crc32c={record.crc32c}{md5}",
        "X-Goog-Storage-Class": _one_line(record.fields.get("storageClass", "STANDARD")),
        "X-Goog-Stored-Content-Encoding": _one_line(record.fields.get("contentEncoding", "identity")),
        "X-Goog-Stored-Content-Length": str(record.size),
    }


def _etag(record: Record) -> str:
    """The quoted MD5 in hexadecimal, as the XML API has it; composed objects, which have none, show their version."""
    text = record.etag if record.md5 is None else base64.b64decode(record.md5).hex()
    return f'"{text}"'


def _target(call: Call, bucket: str, name: str) -> Target:
    fields: dict[str, object] = {key: call.headers[header] for header, key in FIELDS.items() if header in call.headers}
    metadata = {key[len(META) :]: value for key, value in call.headers.items() if key.startswith(META)}
    if metadata:
        fields["metadata"] = metadata
    return Target(bucket, name, fields, Preconditions.from_headers(call.headers))


def _limits(call: Call) -> tuple[int, int] | None:
    text = call.headers.get("x-goog-content-length-range")
    if text is None:
        return None
    try:
        least, most = (int(part) for part in text.split(","))
    except ValueError as wrong:
        raise invalid("x-goog-content-length-range must read least,most.") from wrong
    return least, most


def _one_line(text: str) -> str:
    """A header value: Latin-1 without line ends or control characters, whatever was stored."""
    flat = "".join(character if character.isprintable() else " " for character in text).strip()
    return flat.encode("latin-1", "replace").decode("latin-1")
