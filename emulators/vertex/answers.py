"""Answers in the shape of Google's REST APIs: JSON, and `google.rpc.Status` for what went wrong."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from emulators.faults import Faults, InjectedFault

_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

Work = Callable[[dict[str, str], dict[str, Any]], Any]


class ApiError(Exception):
    """A refusal the client sees: an HTTP status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def invalid(message: str) -> ApiError:
    return ApiError(400, message)


def not_found(message: str) -> ApiError:
    return ApiError(404, message)


def unimplemented(message: str) -> ApiError:
    return ApiError(501, message)


def refusal(status: int, message: str) -> Response:
    """The error body every Google REST client parses."""
    body = {"error": {"code": status, "message": message, "status": _NAMES.get(status, "UNKNOWN")}}
    return as_json(body, status=status)


def as_json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """NumPy's arrays are lists; single precision is written as short as it can be read back."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(text, status_code=status, headers=headers, media_type="application/json")


def endpoint(faults: Faults, operation: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette endpoint: body parsed, `work(path values, body)` run in a thread inside the fault door, errors mapped.

    `work` answers a JSON value, or a `Response` where it needs headers of its own.
    """

    def guarded(values: dict[str, str], raw: bytes) -> Response:
        try:
            with faults.around(operation):
                answer = work(values, _parsed(raw))
            return answer if isinstance(answer, Response) else as_json(answer)
        except InjectedFault as ordered:
            return refusal(ordered.status, str(ordered))
        except ApiError as error:
            return refusal(error.status, str(error))

    async def handle(request: Request) -> Response:
        raw = await request.body()
        return await run_in_threadpool(guarded, dict(request.path_params), raw)

    return handle


def field_of(body: dict[str, Any], camel: str) -> Any:
    """A field by its JSON name or, as proto3 JSON also allows (and google-genai mixes in), its original one; `None` if absent."""
    if camel in body:
        return body[camel]
    return body.get("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel))


def _parsed(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received: {error}") from None
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received: the root must be an object")
    return body


async def _unserved(request: Request, _error: Exception) -> Response:
    return refusal(501, f"{request.method} {request.url.path} is not served here")


async def _broken(_request: Request, error: Exception) -> Response:
    return refusal(500, f"{type(error).__name__}: {error}")


REFUSALS: dict[Any, Any] = {404: _unserved, 405: _unserved, 500: _broken}
