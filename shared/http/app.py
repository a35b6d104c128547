"""One family of endpoints behind any host: `handle` is the whole way of a request."""

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import BaseModel

from shared import logging, tracing
from shared.config import Settings
from shared.domain.clock import utc_now, wire_time
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.idempotency import StoredAnswer
from shared.http import kit as kits
from shared.http.bodies import Multipart, check_json, read_json, read_multipart, read_query
from shared.http.call import ANONYMOUS, Call, Caller, Reply
from shared.http.errors import as_api_error, error_response
from shared.http.kit import Kit
from shared.http.request import Headers, Request, Response, UploadedFile
from shared.http.routes import Match, Route, Router, Scope
from shared.store.idempotency import Begun, record_id

D = TypeVar("D")

_REQUEST_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")
_IDEMPOTENCY_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")
_MULTIPART_SLACK = 64 * 1024  # boundaries and text fields beside the file that the cap is about
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",  # credentials travel in headers, never in cookies
    "Access-Control-Expose-Headers": (
        "X-Request-Id, Retry-After, Idempotent-Replayed, Deprecation, "
        "RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
    ),
}
_PREFLIGHT = {
    "Access-Control-Allow-Headers": (
        "Authorization, X-API-Key, Idempotency-Key, X-Idempotency-Key, Content-Type, Last-Event-ID, X-Request-Id"
    ),
    "Access-Control-Max-Age": "600",
}


@dataclass
class _Exchange:
    """What is known of a request so far, for the log line."""

    request: Request
    request_id: str
    route: Route | None = None
    caller: Caller = ANONYMOUS
    replayed: bool = False
    limits: dict[str, str] = field(default_factory=dict)  # headers that say what is left of them
    files: list[UploadedFile] = field(default_factory=list)


class App(Generic[D]):
    """`build` makes the family's dependencies once, on the first request."""

    def __init__(
        self,
        name: str,
        routes: Sequence[Route],
        build: Callable[[Settings], D],
        *,
        settings: Callable[[], Settings] = Settings.from_env,
        kit: Callable[[Settings], Kit] = kits.connect,
    ) -> None:
        self.name = name
        self.routes = list(routes)
        self._router = Router(self.routes)
        self._sources = (settings, kit, build)
        self._building = threading.Lock()
        self._built: tuple[Kit, D] | None = None

    def serves(self, path: str) -> bool:
        """Whether a route of this family is at the raw path, whatever the method."""
        return self._router.match(path) is not None

    def _ready(self) -> tuple[Kit, D]:
        built = self._built
        if built is None:
            with self._building:
                if self._built is None:
                    settings, kit, build = self._sources
                    read = settings()
                    self._built = (kit(read), build(read))
                built = self._built
        return built

    def handle(self, request: Request) -> Response:
        """Answers every request, and always in the contract's shapes."""
        exchange = _Exchange(request, _request_id(request.headers))
        caller = tracing.read(request.headers.get("traceparent"), request.headers.get("X-Cloud-Trace-Context"))
        with tracing.work(self.name, caller, method=request.method):
            return self._handle(exchange)

    def _handle(self, exchange: _Exchange) -> Response:
        started, request = time.monotonic(), exchange.request
        try:
            response = self._answer(exchange)
        except Exception as error:  # the outermost layer: whatever went wrong leaves as the error envelope
            response = self._failed(exchange, error)
        finally:
            for one in exchange.files:
                one.close()
        response.headers = {"Cache-Control": "private, no-store", **_ALWAYS, **exchange.limits, **response.headers}
        response.headers["X-Request-Id"] = exchange.request_id
        self._count(exchange, response)
        self._log(exchange, response, started)
        if request.method == "HEAD":
            response.body = b""
        return response

    def _answer(self, exchange: _Exchange) -> Response:
        request = exchange.request
        match = self._router.match(request.path)
        if match is None:
            raise ApiError(ErrorCode.ROUTE_NOT_FOUND, "there is nothing at this path")
        if request.method == "OPTIONS":
            return _options(match)
        route = exchange.route = _choose(match, request.method)
        kit, deps = self._ready()
        caller = exchange.caller = _admit(route, request, kit)
        self._charge(exchange, route, caller, kit)
        call, multipart, sent = self._parse(exchange, route, caller, kit)
        key = _idempotency_key(request.headers) if route.idempotent else None
        if key is None:
            return _respond(route, route.handler(call, deps, *match.values))
        begun = kit.idempotency.begin(
            caller.tenant, record_id(caller.tenant, route.id, match.values, key), _fingerprint(route, sent, multipart, request)
        )
        if begun.replay is not None:
            exchange.replayed = True
            return Response(begun.replay.status, dict(begun.replay.headers), begun.replay.body)
        call.seed, call.resumed = begun.record.seed, begun.resumed
        return self._run_once(exchange, route, begun, kit, lambda: route.handler(call, deps, *match.values))

    def _charge(self, exchange: _Exchange, route: Route, caller: Caller, kit: Kit) -> None:
        """After the credential was checked, so that guesses of others cost nobody's budget."""
        if route.category is None or caller is ANONYMOUS:
            return
        charged = kit.limits.charge(caller.tenant, caller.key_id, route.category)
        exchange.limits = charged.headers
        if charged.refused is not None:
            raise charged.refused

    def _parse(self, exchange: _Exchange, route: Route, caller: Caller, kit: Kit) -> tuple[Call[Any], Multipart | None, Any]:
        request = exchange.request
        query = read_query(route.query, request.query_string) if route.query is not None else None
        call: Call[Any] = Call(caller, None, query, request, exchange.request_id)
        if route.multipart is not None:
            multipart = read_multipart(request, kit.upload_limit_bytes + _MULTIPART_SLACK)
            call.files = exchange.files = multipart.files
            call.form = multipart.form(route.multipart)
            return call, multipart, None
        sent = None
        if route.body is not None:
            sent = read_json(request, route.max_body)
            call.body = check_json(route.body, sent)
        return call, None, sent

    def _run_once(self, exchange: _Exchange, route: Route, begun: Begun, kit: Kit, handler: Callable[[], Any]) -> Response:
        """Runs the handler under its idempotency record; an error it raises is an answer like any other."""
        try:
            response = _respond(route, handler())
        except Exception as error:
            response = self._failed(exchange, error)
        if isinstance(response.body, bytes):
            answer = StoredAnswer(response.status, response.headers, response.body)
            try:
                kit.idempotency.finish(begun, answer, secret=route.secret_response and response.status < 300)
            except Exception:  # the answer is not kept: the client is told to ask again, and need not wait for the lease
                kit.idempotency.release(begun)
                raise
        else:
            kit.idempotency.release(begun)
        return response

    def _failed(self, exchange: _Exchange, error: Exception) -> Response:
        known = as_api_error(error)
        if known is None or known.code.status >= 500:
            logging.exception("request failed", error, function=self.name, request_id=exchange.request_id)
        known = known or ApiError(ErrorCode.INTERNAL, "something went wrong on our side")
        return error_response(known, exchange.request_id, self._now())

    def _now(self) -> datetime:
        """An error may come before anything was built."""
        return self._built[0].clock() if self._built else utc_now()

    def _count(self, exchange: _Exchange, response: Response) -> None:
        route = exchange.route
        if self._built and exchange.caller.tenant and route and route.category and response.status != 429:
            caller, meter = exchange.caller, self._built[0].meter
            meter.count(caller.tenant, caller.key_id, route.category, answered=response.status < 300)

    def _log(self, exchange: _Exchange, response: Response, started: float) -> None:
        caller = exchange.caller
        fields: dict[str, Any] = {
            "function": self.name,
            "method": exchange.request.method,
            "route": exchange.route.path if exchange.route else "",
            "status": response.status,
            "milliseconds": round((time.monotonic() - started) * 1000, 1),
            "request_id": exchange.request_id,
        }
        if caller.tenant:
            fields["tenant"] = caller.tenant
        if caller.key_id:
            fields["key_id"] = caller.key_id
        if exchange.replayed:
            fields["replayed"] = True
        logging.info("request", **fields)

    def flask(self, request: Any) -> Any:
        """The entry point under functions-framework."""
        from flask import Response as FlaskResponse  # only that host needs it

        environ = request.environ
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
        path = urlsplit(raw).path if raw else quote(request.path)
        response = self.handle(
            Request(
                method=request.method,
                path=path,
                query_string=environ.get("QUERY_STRING", ""),
                headers=Headers(request.headers.items()),
                body=request.stream,
                content_length=request.content_length,
                remote=request.remote_addr or "",
            )
        )
        body: Any = response.body  # a family with async bodies has an ASGI entry point
        return FlaskResponse(body, response.status, response.headers)


def _request_id(headers: Headers) -> str:
    """The caller's own if it is a sane one."""
    given = headers.get("X-Request-Id")
    return given if _REQUEST_ID.match(given) else f"req_{uuid.uuid4().hex}"


def _choose(match: Match, method: str) -> Route:
    route = match.by_method.get("GET" if method == "HEAD" else method)
    if route is None:
        raise ApiError(ErrorCode.METHOD_NOT_ALLOWED, f"{method[:20]} is not allowed here", allow=match.allow)
    return route


def _options(match: Match) -> Response:
    allow = ", ".join(match.allow)
    headers = {**_PREFLIGHT, "Allow": allow, "Access-Control-Allow-Methods": allow, "Content-Type": "application/json"}
    return Response(200, headers, _json({"allow": match.allow}))


def _admit(route: Route, request: Request, kit: Kit) -> Caller:
    if route.scope is Scope.PUBLIC or _carries_capability(route, request):
        return ANONYMOUS
    caller = kit.authenticator.caller(request.headers)
    if route.scope is Scope.ANY:
        return caller
    if route.scope is Scope.JWT_ONLY:
        if not caller.is_jwt:
            raise ApiError(ErrorCode.JWT_REQUIRED, "this endpoint takes a bearer JWT, not an API key")
        return caller
    if not caller.may(route.scope):
        details = {"required_scope": route.scope.value, "scopes": sorted(caller.scopes)}
        raise ApiError(ErrorCode.INSUFFICIENT_SCOPE, f"this endpoint needs the scope {route.scope.value}", details=details)
    return caller


def _carries_capability(route: Route, request: Request) -> bool:
    return bool(route.capability) and any(name == route.capability for name, _ in parse_qsl(request.query_string))


def _idempotency_key(headers: Headers) -> str | None:
    if "Idempotency-Key" not in headers:
        return None
    key = headers.get("Idempotency-Key").strip()
    if not _IDEMPOTENCY_KEY.match(key):
        raise ApiError(ErrorCode.INVALID_IDEMPOTENCY_KEY, "Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key


def _fingerprint(route: Route, sent: Any, multipart: Multipart | None, request: Request) -> str:
    """Of what was asked: the query counts where the route reads one, and no body equals an empty one."""
    body = multipart.fingerprint() if multipart is not None else sent or {}
    asked = {"body": body, "query": request.query_string if route.query is not None else ""}
    canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _respond(route: Route, result: Any) -> Response:
    if isinstance(result, Response):
        return result
    reply = result if isinstance(result, Reply) else Reply(result)
    headers = {"Content-Type": "application/json", **reply.headers}
    if route.deprecated:
        headers.setdefault("Deprecation", "true")
    return Response(reply.status or route.status, headers, _json(reply.data))


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return wire_time(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
