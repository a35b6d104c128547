from functions.api.api_keys import handlers
from functions.api.api_keys.schemas import (
    Activity,
    ActivityAnswer,
    ApiKeyAnswer,
    CredentialAnswer,
    DeletedKeyAnswer,
    KeyCreate,
    NewApiKeyAnswer,
    RevokedKeyAnswer,
    RotatedKeyAnswer,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post

_KEY = (ErrorCode.API_KEY_NOT_FOUND,)

ROUTES = [
    post(
        "/api-keys",
        handlers.create,
        body=KeyCreate,
        scope=Scope.JWT_ONLY,
        status=201,
        secret_response=True,
        answer=NewApiKeyAnswer,
    ),
    get("/api-keys", handlers.list_all, scope=Scope.JWT_ONLY, answer=list[ApiKeyAnswer]),
    get("/api-keys/{key_id}", handlers.retrieve, scope=Scope.JWT_ONLY, answer=ApiKeyAnswer, errors=_KEY),
    delete("/api-keys/{key_id}", handlers.delete, scope=Scope.JWT_ONLY, answer=DeletedKeyAnswer, errors=_KEY),
    post(
        "/api-keys/{key_id}/rotate",
        handlers.rotate,
        scope=Scope.JWT_ONLY,
        secret_response=True,
        answer=RotatedKeyAnswer,
        errors=(*_KEY, ErrorCode.CONFLICT),
    ),
    post("/api-keys/{key_id}/revoke", handlers.revoke, scope=Scope.JWT_ONLY, answer=RevokedKeyAnswer, errors=_KEY),
    get("/auth/validate", handlers.validate, scope=Scope.ANY, answer=CredentialAnswer),
    post(
        "/auth/processing-activity",
        handlers.record_activity,
        body=Activity,
        scope=Scope.ANY,
        idempotent=False,
        answer=ActivityAnswer,
    ),
]
