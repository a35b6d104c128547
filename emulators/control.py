"""One door to all emulators for tests and for the curious: ordered failures, the clock, and starting over."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulators.clock import MovableClock
from emulators.faults import Effect, Fault, Faults

_EFFECTS = get_args(Effect)


def control_app(
    faults: Faults,
    clock: MovableClock,
    resets: Mapping[str, Callable[[], None]],
    on_advance: Sequence[Callable[[], None]] = (),
) -> Starlette:
    """`resets` empties a service by its name; `on_advance` tells whoever waits for a time that the clock was moved."""

    def show(request: Request) -> Response:
        return JSONResponse({"now": clock(), "faults": faults.pending(), "services": sorted(resets)})

    async def order(request: Request) -> Response:
        for fault in [_fault(item) for item in _list(await _json(request))]:
            faults.order(fault)
        return JSONResponse({"faults": faults.pending()}, 201)

    def clear(request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def advance(request: Request) -> Response:
        clock.advance(_seconds(_object(await _json(request)).get("advance_seconds")))
        for tell in on_advance:
            tell()
        return JSONResponse({"now": clock()})

    async def reset(request: Request) -> Response:
        names = _list(_object(await _json(request)).get("services", sorted(resets)))
        unknown = [name for name in names if name not in resets]
        if unknown:
            raise HTTPException(404, f"no such service: {', '.join(map(str, unknown))}")
        for name in names:
            resets[name]()
        return JSONResponse({"reset": names})

    return Starlette(
        routes=[
            Route("/_control", show),
            Route("/_control/faults", order, methods=["POST"]),
            Route("/_control/faults", clear, methods=["DELETE"]),
            Route("/_control/clock", advance, methods=["POST"]),
            Route("/_control/reset", reset, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _refuse},
    )


def _refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    return JSONResponse({"error": {"code": status, "message": detail}}, status)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise HTTPException(400, "the body is not JSON") from error


def _list(value: Any) -> list:
    if not isinstance(value, list):
        raise HTTPException(400, "a list is expected")
    return value


def _object(value: Any) -> dict:
    if not isinstance(value, dict):
        raise HTTPException(400, "an object is expected")
    return value


def _fault(item: Any) -> Fault:
    """All of a list is checked before any of it is ordered."""
    values = _object(item)
    try:
        fault = Fault(**values)
    except TypeError as error:
        raise HTTPException(400, f"not a fault: {error}") from error
    numbers = (fault.times, fault.status, fault.seconds, fault.bytes)
    if not all(_is_number(number) and number >= 0 for number in numbers):
        raise HTTPException(400, "times, status, seconds and bytes are numbers that are not negative")
    if not isinstance(fault.operation, str) or not fault.operation:
        raise HTTPException(400, "operation is missing")
    if fault.effect not in _EFFECTS:
        raise HTTPException(400, f"effect must be one of {', '.join(_EFFECTS)}")
    return fault


def _seconds(value: Any) -> float:
    if not _is_number(value) or not 0 <= value < math.inf:
        raise HTTPException(400, "advance_seconds must be a number that is not negative")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
