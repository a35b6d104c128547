from functions.api.markers import handlers
from functions.api.markers.schemas import MarkerAnswer, MarkerBody, MarkerRemovedAnswer
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, put

_TARGETS = (
    ErrorCode.PROMPT_NOT_FOUND,
    ErrorCode.RUN_NOT_FOUND,
    ErrorCode.VIDEO_NOT_FOUND,
    ErrorCode.SEGMENT_NOT_FOUND,
)

ROUTES = [
    get("/markers", handlers.list_all, scope=Scope.READ, answer=list[MarkerAnswer]),
    put("/markers", handlers.put, body=MarkerBody, scope=Scope.WRITE, answer=MarkerAnswer, errors=_TARGETS),
    delete(
        "/markers/{marker_id}",
        handlers.remove,
        scope=Scope.WRITE,
        answer=MarkerRemovedAnswer,
        errors=(ErrorCode.MARKER_NOT_FOUND,),
    ),
]
