"""The gateway: one door on $PORT before all HTTP families, which are mounted as they are, each request in a thread."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from anyio import CapacityLimiter, to_thread

from emulators.runner import probe
from emulators.runner.asgi import Receive, Scope, Send, answer, header
from emulators.runner.incoming import SMALL, Gone, Incoming, read_small
from emulators.runner.site import Site
from shared.http.app import App
from shared.http.request import Headers, Request, Response
from shared.http.routes import Router
from shared.http.streaming import Hosted, send_hosted, send_stream

_THREADS = 32
_UPLOADS = 8  # large bodies at once: each holds a thread for as long as it takes to arrive
_COMPOSED = 8  # requests at once that are answered by further requests to this door: never in the way of those
_DRAIN_BYTES = 64 * 1024 * 1024
_COMPOSING = frozenset({"workflow"})
_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Gateway:
    """Routes by the families' own lists; a path of nobody is answered by a family without routes, in the same envelope."""

    def __init__(self, apps: Iterable[App[Any]], site: Site) -> None:
        self._site = site
        self._apps = list(apps)
        self._by_route = {route.id: app for app in self._apps for route in app.routes}
        self._router = Router(route for app in self._apps for route in app.routes)
        self._nobody: App[None] = App("gateway", [], lambda settings: None)
        self._room: tuple[CapacityLimiter, CapacityLimiter, CapacityLimiter] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["raw_path"].decode("latin-1")
        if path == "/health" and scope["method"] in ("GET", "HEAD"):
            return await self._health(scope, send)
        try:
            await self._pass_on(scope, path, receive, send)
        except Gone:
            return

    async def _health(self, scope: Scope, send: Send) -> None:
        health = await probe.look(self._site)
        said = {"status": "ok" if health.ready else "starting", "parts": health.parts}
        body = b"" if scope["method"] == "HEAD" else json.dumps(said).encode()
        await answer(send, 200 if health.ready else 503, body, _JSON)

    async def _pass_on(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        length = _content_length(scope)
        body: Any = None
        incoming: Incoming | None = None
        if length is None or length > SMALL:
            body = incoming = Incoming(receive)
        else:
            body = await read_small(receive)
        request = Request(
            method=scope["method"],
            path=path,
            query_string=scope["query_string"].decode("latin-1"),
            headers=Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            body=body,
            content_length=length,
            remote=scope["client"][0] if scope["client"] else "",
        )
        threads, uploads, composed = self._limiters()
        app = self._app(path, request.method)
        room = composed if app.name in _COMPOSING else uploads if incoming else threads
        response = await to_thread.run_sync(app.handle, request, limiter=room)
        if incoming is not None:
            await incoming.drain(_DRAIN_BYTES)  # else a client that still sends never reads our refusal
        await self._respond(response, receive, send, threads)

    def _app(self, path: str, method: str) -> App[Any]:
        match = self._router.match(path)
        if match is None:
            return self._nobody
        route = match.by_method.get("GET" if method == "HEAD" else method)
        return self._by_route[(route or next(iter(match.by_method.values()))).id]

    def _limiters(self) -> tuple[CapacityLimiter, CapacityLimiter, CapacityLimiter]:
        if self._room is None:  # made inside the loop they belong to
            self._room = CapacityLimiter(_THREADS), CapacityLimiter(_UPLOADS), CapacityLimiter(_COMPOSED)
        return self._room

    async def _respond(self, response: Response, receive: Receive, send: Send, threads: CapacityLimiter) -> None:
        if isinstance(response.body, AsyncIterator):
            return await send_stream(response, receive, send)
        if isinstance(response.body, Hosted):
            return await send_hosted(response, receive, send)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()]
        if isinstance(response.body, bytes):
            return await answer(send, response.status, response.body, headers)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        parts = iter(response.body)
        while (part := await to_thread.run_sync(_next, parts, limiter=threads)) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _next(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)


def _content_length(scope: Scope) -> int | None:
    """None where the request does not say how long it is."""
    text = header(scope, b"content-length")
    if text.isdecimal():
        return int(text)
    return None if header(scope, b"transfer-encoding") else 0
