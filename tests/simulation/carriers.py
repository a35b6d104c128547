"""Services in this process behind the HTTP clients that the product uses: no socket, the very same requests."""

import io
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpx
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from emulators.faults import Faults, InjectedFault

T = TypeVar("T")
ORIGIN = "http://127.0.0.1:9"  # nothing listens there; storage answers loopback names only


class AsgiAdapter(BaseAdapter):
    """Answers a `requests` session from an ASGI application, through the door of `faults`."""

    def __init__(self, service: str, app: Any, faults: Faults) -> None:
        super().__init__()
        self._service, self._app, self._faults = service, app, faults
        self._building = HTTPAdapter()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        method = request.method or "GET"
        _, custom, verb = urlsplit(request.url or "").path.rpartition(":")
        try:
            with self._faults.around(f"{self._service}.{verb if custom else method}"):
                status, headers, body = _at_once(_exchange(self._app, request))
        except InjectedFault as fault:
            status, headers, body = fault.status, [], b"ordered"
        raw = HTTPResponse(io.BytesIO(body), headers, status, preload_content=False, decode_content=False)
        return self._building.build_response(request, raw)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Nothing was opened."""


def session(service: str, app: Any, faults: Faults) -> requests.Session:
    made = requests.Session()
    made.trust_env = False  # there is no proxy to a function, and to look for one takes a millisecond a request
    made.mount("http://", AsgiAdapter(service, app, faults))
    return made


def _at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Carries it through without an event loop: nothing in this process has to be waited for. Any thread may do so."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("a service waits for something that is not in this process")


async def _exchange(app: Any, request: requests.PreparedRequest) -> tuple[int, list[tuple[str, str]], bytes]:
    parts = urlsplit(request.url or "")
    content = _content(request.body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(str(parts.path)),
        "raw_path": str(parts.path).encode(),
        "query_string": str(parts.query).encode(),
        "root_path": "",
        "headers": _headers(request, str(parts.netloc), len(content)),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 9),
    }
    waiting = [{"type": "http.request", "body": content, "more_body": False}]
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    start = next(message for message in said if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in said if message["type"] == "http.response.body")
    return start["status"], [(name.decode(), value.decode()) for name, value in start.get("headers", [])], body


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else body.read()


def _headers(request: requests.PreparedRequest, host: str, length: int) -> list[tuple[bytes, bytes]]:
    pairs = [(str(name).lower(), str(value)) for name, value in request.headers.items()]
    named = {name for name, _ in pairs}
    if "host" not in named:
        pairs.append(("host", host))
    if length and "content-length" not in named:
        pairs.append(("content-length", str(length)))
    return [(name.encode(), value.encode("latin-1")) for name, value in pairs if name != "transfer-encoding"]


Respond = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


class ModelTransport(httpx.BaseTransport):
    """What google-genai sends its requests through; `respond(path, body)` answers them."""

    def __init__(self) -> None:
        self.serve(lambda path, body: (404, {}), Faults())

    def serve(self, respond: Respond, faults: Faults) -> None:
        self._respond, self._faults = respond, faults

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        verb = request.url.path.rpartition(":")[2]
        try:
            with self._faults.around(f"model.{verb}"):
                status, said = self._respond(request.url.path, json.loads(request.read() or b"{}"))
        except InjectedFault as fault:
            status, said = fault.status, {"error": {"code": fault.status, "message": "ordered", "status": "UNAVAILABLE"}}
        return httpx.Response(status, json=said, request=request)
