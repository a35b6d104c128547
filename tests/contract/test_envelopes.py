from datetime import datetime

import pytest

from shared.domain.errors import ErrorCode
from shared.http.request import Headers, Request
from shared.http.routes import Route, Scope
from tests.api.world import Answer, World, answer_of
from tests.contract.families import ROUTES, filled

CODES = {code.code: code for code in ErrorCode}


def assert_is_an_error(answer: Answer) -> None:
    error = answer.json["error"]
    assert list(answer.json) == ["error"]
    assert set(error) == {"code", "message", "details", "request_id", "timestamp"}
    assert CODES[error["code"]].status == answer.status
    assert isinstance(error["message"], str) and error["message"]
    assert isinstance(error["details"], dict)
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert error["timestamp"].endswith("Z") and datetime.fromisoformat(error["timestamp"])
    assert answer.headers["Content-Type"] == "application/json"


def send(world: World, route: Route, method: str, headers: dict[str, str], body: bytes = b"", query: str = "") -> Answer:
    import io

    request = Request(method, filled(route), query, Headers(headers.items()), io.BytesIO(body), len(body))
    return answer_of(world.app([route]).handle(request))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
def test_a_method_that_is_not_there_is_told_in_the_envelope(world: World, route: Route) -> None:
    answer = send(world, route, "TRACE", {})
    assert answer.status == 405 and route.method in answer.headers["Allow"]
    assert_is_an_error(answer)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope is not Scope.PUBLIC], ids=lambda route: route.id)
def test_a_missing_credential_is_told_in_the_envelope(world: World, route: Route) -> None:
    assert_is_an_error(send(world, route, route.method, {}))


@pytest.mark.parametrize("route", [r for r in ROUTES if r.body is not None], ids=lambda route: route.id)
def test_a_broken_body_is_told_in_the_envelope(world: World, route: Route) -> None:
    owner = {**world.as_owner(), "Content-Type": "application/json"}
    broken = send(world, route, route.method, owner, b"{")
    assert broken.status == 400
    assert_is_an_error(broken)
    wrong = send(world, route, route.method, owner, b"[]")
    assert wrong.status == 422 and wrong.json["error"]["details"]["errors"]
    assert_is_an_error(wrong)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.idempotent], ids=lambda route: route.id)
def test_a_bad_idempotency_key_is_told_in_the_envelope(world: World, route: Route) -> None:
    if route.body or route.multipart:  # those are read first
        return
    answer = send(world, route, route.method, {**world.as_owner(), "Idempotency-Key": "a b"})
    assert answer.status == 400
    assert_is_an_error(answer)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
def test_a_fault_inside_is_told_in_the_envelope(world: World, route: Route) -> None:
    """Without dependencies every handler stumbles."""
    answer = send(world, route, route.method, world.as_owner())
    if answer.status >= 400:
        assert_is_an_error(answer)
        assert b"NoneType" not in answer.body and b"Traceback" not in answer.body


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.code)
def test_every_error_says_how_to_mend_it(code: ErrorCode) -> None:
    assert 400 <= code.status < 600
    assert code.cure.endswith(".") and len(code.cure) > 10
