from functions.api.docs import handlers
from shared.http.answers import Object
from shared.http.routes import Scope, get

_SCRIPT = ("text/javascript",)

ROUTES = [
    get("/openapi.json", handlers.openapi, answer=Object, scope=Scope.PUBLIC),
    get("/openapi.json", handlers.openapi, answer=Object, scope=Scope.PUBLIC, at_root=True),
    get("/docs", handlers.page, media_types=("text/html",), scope=Scope.PUBLIC, at_root=True),
    get("/docs/page.js", handlers.page_script, media_types=_SCRIPT, scope=Scope.PUBLIC, at_root=True),
    get("/docs/rapidoc-min.js", handlers.viewer_script, media_types=_SCRIPT, scope=Scope.PUBLIC, at_root=True),
    get("/health", handlers.health, answer=handlers.HealthAnswer, scope=Scope.PUBLIC, at_root=True),
]
