from functions.api.console import handlers
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, get

_FILES = ("text/javascript", "text/css", "text/plain")

ROUTES = [
    get("/console", handlers.page, media_types=("text/html",), scope=Scope.PUBLIC, at_root=True),
    get(
        "/console/{file}",
        handlers.file,
        media_types=_FILES,
        scope=Scope.PUBLIC,
        at_root=True,
        errors=(ErrorCode.ROUTE_NOT_FOUND,),
    ),
]
