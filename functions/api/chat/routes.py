from functions.api.chat import handlers, turning
from functions.api.chat.schemas import (
    ListQuery,
    SessionAnswer,
    SessionBody,
    SessionDeletedAnswer,
    SessionWithTurnsAnswer,
    StreamQuery,
    TurnAnswer,
    TurnBody,
    TurnOnceAnswer,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post

_SESSION = (ErrorCode.SESSION_NOT_FOUND,)
_TURN = (*_SESSION, ErrorCode.TURN_NOT_FOUND)
_ASKING = (*_SESSION, ErrorCode.INDEX_NOT_FOUND, ErrorCode.RUN_NOT_FOUND, ErrorCode.IDEMPOTENCY_KEY_REUSED)
_EVENTS = ("text/event-stream",)

ROUTES = [
    post("/chat/sessions", handlers.create, body=SessionBody, scope=Scope.SEARCH, status=201, answer=SessionAnswer),
    get("/chat/sessions", handlers.list_all, query=ListQuery, scope=Scope.SEARCH, answer=list[SessionAnswer]),
    get(
        "/chat/sessions/{session_id}",
        handlers.retrieve,
        query=ListQuery,
        scope=Scope.SEARCH,
        answer=SessionWithTurnsAnswer,
        errors=_SESSION,
    ),
    delete("/chat/sessions/{session_id}", handlers.delete, scope=Scope.SEARCH, answer=SessionDeletedAnswer, errors=_SESSION),
    get(
        "/chat/sessions/{session_id}/turns",
        handlers.list_turns,
        query=ListQuery,
        scope=Scope.SEARCH,
        answer=list[TurnAnswer],
        errors=_SESSION,
    ),
    # A turn is found again by its key itself, and followed while it runs: the kit's stored answers would come too late.
    post(
        "/chat/sessions/{session_id}/turns",
        turning.create,
        body=TurnBody,
        scope=Scope.SEARCH,
        idempotent=False,
        answer=TurnOnceAnswer,
        errors=_ASKING,
    ),
    post(
        "/chat/sessions/{session_id}/turns/stream",
        turning.stream,
        body=TurnBody,
        query=StreamQuery,
        scope=Scope.SEARCH,
        idempotent=False,
        media_types=_EVENTS,
        errors=_ASKING,
    ),
    get(
        "/chat/sessions/{session_id}/turns/{turn_id}",
        handlers.retrieve_turn,
        scope=Scope.SEARCH,
        answer=TurnAnswer,
        errors=_TURN,
    ),
    get(
        "/chat/sessions/{session_id}/turns/{turn_id}/stream",
        turning.follow,
        query=StreamQuery,
        scope=Scope.SEARCH,
        media_types=_EVENTS,
        errors=_TURN,
    ),
    post(
        "/chat/sessions/{session_id}/turns/{turn_id}/cancel",
        handlers.cancel_turn,
        scope=Scope.SEARCH,
        answer=TurnAnswer,
        errors=_TURN,
    ),
]
