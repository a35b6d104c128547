"""The endpoint of the Model Context Protocol, and the helpers around it."""

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions.api.mcp import clients
from functions.api.mcp.calling import Asked
from functions.api.mcp.origins import check_origin
from functions.api.mcp.running import run
from functions.api.mcp.schemas import (
    MAX_CALL_BODY,
    ConfigAnswer,
    ConfigQuery,
    PlaygroundBody,
    StatusAnswer,
    ToolAnswer,
    ToolsAnswer,
)
from functions.api.mcp.table import CATEGORIES, TOOLS, offered
from functions.api.mcp.tools import descriptions
from shared import tracing
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.http.bodies import read_raw
from shared.http.call import Call
from shared.http.request import Request, Response
from shared.http.streaming import Hosted, Receive, Send

if TYPE_CHECKING:
    from functions.api.mcp.protocol import Endpoint

_JSON = [(b"content-type", b"application/json")]


@dataclass
class Deps:
    """`forwarded`: a gateway stands before us and moves the caller's Authorization. `transport` is another way to the API."""

    base_url: str
    forwarded: bool
    transport: Any = None
    _endpoint: "Endpoint | None" = None
    _making: threading.Lock = field(default_factory=threading.Lock)

    def endpoint(self) -> "Endpoint":
        """The protocol's library is imported with the first call: it takes half a second, and a cold start comes without."""
        if self._endpoint is None:
            with self._making:
                if self._endpoint is None:
                    from functions.api.mcp.protocol import Endpoint

                    self._endpoint = Endpoint(self.base_url, MAX_CALL_BODY, self.transport or (lambda: None))
        return self._endpoint

    @property
    def url(self) -> str:
        return self.base_url.rstrip("/") + "/mcp"


def endpoint(call: Call[None], deps: Deps) -> Response:
    """Speak the Model Context Protocol

    JSON-RPC 2.0 over streamable HTTP, without sessions. The tools offered are those that the credential's scopes allow.
    """
    request = call.request
    check_origin(request.headers, deps.base_url, deps.forwarded)
    kind = request.headers.get("Content-Type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "send one JSON-RPC message as application/json")
    sent = read_raw(request, MAX_CALL_BODY)
    protocol = deps.endpoint()
    return Response(200, {}, Hosted(protocol, _scope(request, _asked(call, deps)), sent))


def _asked(call: Call[Any], deps: Deps) -> Asked:
    return Asked(
        credential=_credential(call.request, deps.forwarded),
        request_id=call.request_id,
        scopes=call.caller.scopes,
        traceparent=tracing.traceparent(),
        idempotency_key=call.request.headers.get("Idempotency-Key").strip(),
    )


def _credential(request: Request, forwarded: bool) -> dict[str, str]:
    """What the kit has just let in, in the order in which it looks."""
    headers = request.headers
    if "X-API-Key" in headers:
        return {"X-API-Key": headers.get("X-API-Key")}
    return {"Authorization": (headers.get("X-Forwarded-Authorization") if forwarded else "") or headers.get("Authorization")}


def _scope(request: Request, asked: Asked) -> dict[str, Any]:
    """The request for the protocol's library, without the credential: it has been looked at."""
    passed = {name: request.headers.get(name) for name in _PASSED if name in request.headers}
    passed.setdefault("accept", "application/json")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in _all(request, passed).items()],
        "client": None,
        "server": None,
        "videovector.asked": asked,
    }


_PASSED = ("host", "content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "last-event-id")


def _all(request: Request, passed: dict[str, str]) -> dict[str, str]:
    return {**passed, **request.headers.beginning("mcp-param-")}


def status(call: Call[None], deps: Deps) -> StatusAnswer:
    """Tell where the MCP endpoint is and what it speaks"""
    from mcp_types.version import SUPPORTED_PROTOCOL_VERSIONS

    from functions.api.mcp.protocol import version

    return {
        "status": "ok",
        "server_name": clients.NAME,
        "version": version(),
        "url": deps.url,
        "transport": "streamable-http",
        "protocol_versions": list(SUPPORTED_PROTOCOL_VERSIONS),
        "tools": len(offered(call.caller.scopes)),
        "tools_in_all": len(TOOLS),
    }


def list_tools(call: Call[None], deps: Deps) -> ToolsAnswer:
    """List the tools that the credential's scopes allow, as the MCP endpoint offers them"""
    tools = [_tool(name) for name in offered(call.caller.scopes)]
    return {"tools": tools, "total": len(tools)}


def _tool(name: str) -> ToolAnswer:
    tool, described = TOOLS[name], descriptions()[name]
    camel = {"read_only": "readOnly", "destructive": "destructive", "idempotent": "idempotent", "open_world": "openWorld"}
    return {
        "name": name,
        "title": tool.title,
        "description": tool.about,
        "category": CATEGORIES[name],
        "required_scope": described.scope,
        "input_schema": described.arguments,
        "output_schema": described.answer,
        "annotations": {f"{camel[key.removesuffix('_hint')]}Hint": value for key, value in tool.hints.items()},
    }


def config(call: Call[None], deps: Deps) -> ConfigAnswer:
    """Show what to paste into an MCP client; the key stays a placeholder"""
    query: ConfigQuery = call.query
    made: Any = clients.blocks(query.platform, deps.url)
    auth: Any = {"header": clients.HEADER, "environment_variable": clients.VARIABLE, "placeholder": clients.PLACEHOLDER}
    return {"server_name": clients.NAME, "transport": "streamable-http", "url": deps.url, "auth": auth, "clients": made}


def try_out(call: Call[PlaygroundBody], deps: Deps) -> Response:
    """Call a tool as an MCP client would, and see what comes

    The call is made with the credential of this request: what its scopes do not allow is refused there.
    """
    name, given = call.body.tool_name, call.body.arguments
    if name not in TOOLS:
        raise invalid("tool_name", "there is no such tool; GET /mcp/tools lists those there are")
    asked, protocol = _asked(call, deps), deps.endpoint()

    async def answer(scope: Any, receive: Receive, send: Send) -> None:
        outcome = await run(await protocol.api(), asked, name, given)
        said = {
            "tool_name": name,
            "success": outcome.answer is not None,
            "result": outcome.answer,
            "error": outcome.error or None,
            "execution_time_ms": outcome.milliseconds,
        }
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = [*_JSON, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return Response(200, {"Content-Type": "application/json"}, Hosted(answer, {}))
