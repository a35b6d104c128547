from functions.api.mcp import handlers
from functions.api.mcp.schemas import (
    MAX_CALL_BODY,
    ConfigAnswer,
    ConfigQuery,
    PlaygroundAnswer,
    PlaygroundBody,
    StatusAnswer,
    ToolsAnswer,
)
from shared.domain.errors import ErrorCode
from shared.http.answers import Object
from shared.http.routes import Scope, get, post

_PROTOCOL = (
    ErrorCode.INVALID_REQUEST,
    ErrorCode.ORIGIN_REFUSED,
    ErrorCode.HOST_REFUSED,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.PAYLOAD_TOO_LARGE,
)

ROUTES = [
    post(
        "/mcp",
        handlers.endpoint,
        answer=Object,
        media_types=("application/json", "text/event-stream"),
        scope=Scope.ANY,
        at_root=True,
        idempotent=False,
        errors=_PROTOCOL,
    ),
    get("/mcp/status", handlers.status, answer=StatusAnswer, scope=Scope.READ),
    get("/mcp/tools", handlers.list_tools, answer=ToolsAnswer, scope=Scope.READ),
    get("/mcp/config", handlers.config, query=ConfigQuery, answer=ConfigAnswer, scope=Scope.JWT_ONLY),
    post(
        "/mcp/playground",
        handlers.try_out,
        body=PlaygroundBody,
        max_body=MAX_CALL_BODY,
        answer=PlaygroundAnswer,
        scope=Scope.ANY,
        idempotent=False,
    ),
]
