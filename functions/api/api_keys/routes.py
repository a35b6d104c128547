from functions.api.api_keys import handlers
from functions.api.api_keys.schemas import Activity, KeyCreate
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post

_KEY = (ErrorCode.API_KEY_NOT_FOUND,)

ROUTES = [
    post("/api-keys", handlers.create, body=KeyCreate, scope=Scope.JWT_ONLY, status=201, secret_response=True),
    get("/api-keys", handlers.list_all, scope=Scope.JWT_ONLY),
    get("/api-keys/{key_id}", handlers.retrieve, scope=Scope.JWT_ONLY, errors=_KEY),
    delete("/api-keys/{key_id}", handlers.delete, scope=Scope.JWT_ONLY, errors=_KEY),
    post(
        "/api-keys/{key_id}/rotate",
        handlers.rotate,
        scope=Scope.JWT_ONLY,
        secret_response=True,
        errors=(*_KEY, ErrorCode.CONFLICT),
    ),
    post("/api-keys/{key_id}/revoke", handlers.revoke, scope=Scope.JWT_ONLY, errors=_KEY),
    get("/auth/validate", handlers.validate, scope=Scope.ANY),
    post("/auth/processing-activity", handlers.record_activity, body=Activity, scope=Scope.ANY, idempotent=False),
]
