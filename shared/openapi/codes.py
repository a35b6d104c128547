"""Which errors an operation can answer: those its route names, and those that follow from what it takes."""

from shared.domain.errors import ErrorCode
from shared.http.routes import CHANGING, Route, Scope

_FAULTS = (ErrorCode.INTERNAL, ErrorCode.UPSTREAM_FAILED, ErrorCode.UNAVAILABLE, ErrorCode.UPSTREAM_TIMEOUT)
_OF_A_BODY = (
    ErrorCode.INVALID_REQUEST,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.VALIDATION_FAILED,
)
_OF_REPEATING = (
    ErrorCode.INVALID_IDEMPOTENCY_KEY,
    ErrorCode.IDEMPOTENCY_IN_PROGRESS,
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
)


def codes_of(route: Route) -> list[ErrorCode]:
    """By status, then by name."""
    found = {*route.errors, *_FAULTS}
    if route.scope is not Scope.PUBLIC:
        found |= {ErrorCode.UNAUTHENTICATED, ErrorCode.RATE_LIMITED}
    if route.scope in (Scope.READ, Scope.WRITE, Scope.ADMIN):
        found.add(ErrorCode.INSUFFICIENT_SCOPE)
    if route.scope is Scope.JWT_ONLY:
        found.add(ErrorCode.JWT_REQUIRED)
    if route.body or route.multipart:
        found.update(_OF_A_BODY)
    if route.query:
        found |= {ErrorCode.INVALID_REQUEST, ErrorCode.VALIDATION_FAILED}
    if any(model is not None and "cursor" in model.model_fields for model in (route.query, route.body)):
        found.add(ErrorCode.INVALID_CURSOR)
    if route.idempotent:
        found.update(_OF_REPEATING)
    if route.method in CHANGING and route.scope is not Scope.PUBLIC:
        found.add(ErrorCode.CONFLICT)
    return sorted(found, key=lambda code: (code.status, code.name))
