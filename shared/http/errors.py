"""From what was raised to the one error body there is."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors
from pydantic import ValidationError

from shared.domain.clock import wire_time
from shared.domain.errors import ApiError, ErrorCode
from shared.http.request import Response
from shared.store.documents import Changed
from shared.work.outcomes import GiveUp, Retry, Throttled


def validation_error(error: ValidationError, where: str = "") -> ApiError:
    """Each fault with its field path and a sentence; the value itself is not repeated, it may be a secret."""
    errors = [{"field": _path(e["loc"]) or where, "message": _sentence(e)} for e in error.errors()]
    first = errors[0]
    message = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return ApiError(ErrorCode.VALIDATION_FAILED, message, details={"errors": errors})


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location)


def _sentence(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


def _changed(error: BaseException) -> ApiError:
    return ApiError(ErrorCode.CONFLICT, "the resource was changed by somebody else at the same time; read it and try again")


def _unavailable(error: BaseException) -> ApiError:
    return ApiError(ErrorCode.UNAVAILABLE, "a service behind this endpoint is not available right now", retry_after=1)


def _timeout(error: BaseException) -> ApiError:
    return ApiError(ErrorCode.UPSTREAM_TIMEOUT, "a service behind this endpoint did not answer in time")


def _upstream(error: BaseException) -> ApiError:
    return ApiError(ErrorCode.UPSTREAM_FAILED, "a service behind this endpoint refused the request")


def _throttled(error: BaseException) -> ApiError:
    after = max(1, round(error.after)) if isinstance(error, Throttled) else 1
    return ApiError(ErrorCode.UNAVAILABLE, "a service behind this endpoint is throttled", retry_after=after)


def _gave_up(error: BaseException) -> ApiError:
    reason = error.message if isinstance(error, GiveUp) else ""
    return ApiError(ErrorCode.UPSTREAM_FAILED, reason or "a service behind this endpoint refused the request")


_TABLE: dict[type[BaseException], Callable[[Any], ApiError]] = {
    ApiError: lambda error: error,
    ValidationError: validation_error,
    Changed: _changed,
    Throttled: _throttled,
    Retry: _unavailable,
    GiveUp: _gave_up,
    google_errors.DeadlineExceeded: _timeout,
    google_errors.GatewayTimeout: _timeout,
    google_errors.RetryError: _timeout,
    google_errors.ServiceUnavailable: _unavailable,
    google_errors.TooManyRequests: _unavailable,
    google_errors.Aborted: _unavailable,
    google_errors.InternalServerError: _unavailable,
    google_errors.GoogleAPICallError: _upstream,
    auth_errors.GoogleAuthError: _unavailable,
    ConnectionError: _unavailable,
    TimeoutError: _timeout,
}


def as_api_error(error: BaseException) -> ApiError | None:
    """None for what nobody foresaw: a fault of ours."""
    for cls in type(error).__mro__:
        translate = _TABLE.get(cls)
        if translate is not None:
            return translate(error)
    return None


def error_response(error: ApiError, request_id: str, now: datetime) -> Response:
    body = {
        "error": {
            "code": error.code.code,
            "message": error.message,
            "details": error.details,
            "request_id": request_id,
            "timestamp": wire_time(now),
        }
    }
    headers = {"Content-Type": "application/json"}
    if error.allow is not None:
        headers["Allow"] = ", ".join(error.allow)
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, int(error.retry_after)))
    if error.code is ErrorCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="videovector"'
    return Response(error.code.status, headers, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
