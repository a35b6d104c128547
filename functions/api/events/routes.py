from functions.api.events import handlers
from functions.api.events.schemas import EventAnswer, StreamQuery
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, get

ROUTES = [
    get(
        "/processing/events/stream",
        handlers.stream,
        query=StreamQuery,
        scope=Scope.READ,
        answer=EventAnswer,
        media_types=("text/event-stream",),
        errors=(ErrorCode.INVALID_REQUEST,),
    ),
]
