import pytest

from shared.domain.errors import ErrorCode
from shared.http.request import Headers, Request
from shared.http.routes import Route, Scope
from tests.api.world import World, answer_of
from tests.contract.families import ROUTES, filled

LADDER = [Scope.SEARCH, Scope.READ, Scope.WRITE, Scope.ADMIN]


def promised(route: Route) -> Scope:
    """The scope table of the contract, as rules."""
    path, method = route.path, route.method
    if path.startswith("/api-keys") or path == "/mcp/config":
        return Scope.JWT_ONLY
    if path in ("/webhooks/events", "/usage/metric-types", "/openapi.json") or (route.at_root and path.startswith(OPEN_AT_ROOT)):
        return Scope.PUBLIC
    if path.startswith(("/auth/", "/rate-limit/")) or path in ("/mcp", "/mcp/playground"):  # each tool's call asks for its own
        return Scope.ANY
    if path in ("/indexes", "/indexes/{index_id}") and method == "GET":
        return Scope.SEARCH
    if path.endswith("search") or path.startswith(("/search/", "/chat/", "/workflow/search/")):
        return Scope.SEARCH
    if method == "GET" or path.startswith("/videos/batch"):
        return Scope.READ
    if path.endswith(("/signed-url", "/estimate", "/browse", "/download-url", "/media-grants")):
        return Scope.READ
    if method == "DELETE" and path.count("/") == 2 and path.split("/")[1] in LARGE:
        return Scope.ADMIN
    return Scope.WRITE


OPEN_AT_ROOT = ("/health", "/openapi.json", "/docs", "/console")
LARGE = ("indexes", "videos", "prompts", "connectors", "webhooks")


def send(world: World, route: Route, headers: dict[str, str]) -> tuple[int, dict]:
    request = Request(route.method, filled(route), "", Headers(headers.items()))
    answer = answer_of(world.app([route]).handle(request))
    return answer.status, answer.json


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
def test_a_route_asks_for_the_scope_that_was_promised(route: Route) -> None:
    assert route.scope is promised(route)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope is not Scope.PUBLIC], ids=lambda route: route.id)
def test_without_a_credential_or_with_a_bad_one_a_route_is_closed(world: World, route: Route) -> None:
    for headers in ({}, {"X-API-Key": "sk_live_" + "0" * 48}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        status, body = send(world, route, headers)
        assert (status, body["error"]["code"]) == (401, ErrorCode.UNAUTHENTICATED.code)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope in LADDER[1:]], ids=lambda route: route.id)
def test_the_next_lower_scope_is_refused_and_told_the_one_needed(world: World, route: Route) -> None:
    lower = LADDER[LADDER.index(route.scope) - 1]
    status, body = send(world, route, world.as_key(lower))
    assert (status, body["error"]["code"]) == (403, ErrorCode.INSUFFICIENT_SCOPE.code)
    assert body["error"]["details"]["required_scope"] == route.scope


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope is Scope.JWT_ONLY], ids=lambda route: route.id)
def test_what_the_owner_alone_may_is_closed_to_the_mightiest_key(world: World, route: Route) -> None:
    status, body = send(world, route, world.as_key("admin"))
    assert (status, body["error"]["code"]) == (403, ErrorCode.JWT_REQUIRED.code)


def test_no_two_families_serve_the_same_place() -> None:
    ids = [route.id for route in ROUTES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
def test_a_route_says_what_it_does_and_its_handler_takes_its_parameters(route: Route) -> None:
    assert route.summary
    names = route.handler.__code__.co_varnames[: route.handler.__code__.co_argcount]
    assert list(names[2:]) == route.parameters
