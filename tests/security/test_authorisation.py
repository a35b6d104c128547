"""Every operation of the reference × every place an id can stand × every credential that must not do: nothing leaks.

Made of the route lists: a new route is in the matrix the moment it exists.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.ids import new_id
from shared.http.routes import Route, Scope
from shared.openapi.examples import example_of, noun_named, value_named
from tests.api.things import (
    Things,
    address,
    models,
    one_of_each,
    own,
    query_of,
    serve_models,
    serve_objects,
    with_search,
)
from tests.api.world import Answer, World, build
from tests.contract.families import ROUTES

# What stands below /mcp asks the rest with the credential it was asked with; it is reached through the gateway alone.
CLOSED = [r for r in ROUTES if r.scope is not Scope.PUBLIC and not r.at_root and not r.path.startswith("/mcp/")]
LADDER = [Scope.SEARCH, Scope.READ, Scope.WRITE, Scope.ADMIN]
# Named like ids of ours and none: words of a client, and of another provider's directory.
NO_IDS_OF_OURS = {"event_id", "tenant_id"}
NOT_OF_THE_ANSWER = re.compile(r"^(x-request-id|(x-)?ratelimit.*|retry-after)$", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where in a request an id of this noun stands."""

    route: Route
    where: str
    name: str
    body: Any = None

    @property
    def noun(self) -> str:
        return noun_named(self.name) or ""

    def __str__(self) -> str:
        return f"{self.route.id}: {self.name} in {self.where}"


def places() -> Iterator[Place]:
    for route in CLOSED:
        if "text/event-stream" in route.media_types:
            continue  # an answer without end; its filters are proven with the stream
        for name in route.parameters:
            yield Place(route, "path", name)
        if route.query is not None:
            yield from (Place(route, "query", name) for name in route.query.model_fields if _is_ours(name))
        if route.body is not None:
            example = dict(example_of(route, models()))
            for name, path, body in _placed(models().of(route, "body"), example, ()):
                yield Place(route, "body: " + ".".join(path), name, body)


def _is_ours(name: str) -> bool:
    return name not in NO_IDS_OF_OURS and noun_named(name) is not None


def _placed(schema: dict[str, Any], base: Any, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """The body once for each field that takes ids, with the mark FOREIGN in it."""
    schema = models().at(schema)
    for variant in schema.get("anyOf") or schema.get("oneOf") or ():
        if variant.get("type") != "null":
            yield from _placed(variant, _fitting(variant, base), path)
    if schema.get("type") == "array":
        for name, at, inner in _placed(schema.get("items", {}), base[0] if base else None, path):
            yield name, at, [inner]
    for name, field in schema.get("properties", {}).items():
        here = base if isinstance(base, dict) else value_named("", schema, models())
        if _is_ours(name):
            yield name, (*path, name), {**here, name: ["FOREIGN"] if name.endswith("s") else "FOREIGN"}
        else:
            for leaf, at, inner in _placed(field, here.get(name), (*path, name)):
                yield leaf, at, {**here, name: inner}


def _fitting(variant: dict[str, Any], base: Any) -> Any:
    """The example where it is of this variant, else one that is."""
    resolved = models().at(variant)
    kinds = {name: one["const"] for name, one in resolved.get("properties", {}).items() if "const" in one}
    fits = isinstance(base, dict) and all(base.get(name) == kind for name, kind in kinds.items())
    return base if fits or resolved.get("type") != "object" else value_named("", resolved, models())


PLACES = list(places())


@dataclass
class Tenants:
    world: World
    ada: Things
    bob: Things

    @property
    def theirs(self) -> dict[str, str]:
        return self.bob.ids


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    folder = tmp_path_factory.mktemp("authorisation")
    models, objects = serve_models(time.time), serve_objects(folder, time.time)
    world = build(folder, objects.url)
    close = with_search(world, f"http://127.0.0.1:{models.port}")
    tenants = Tenants(world, one_of_each(world, "ada"), one_of_each(world, "bob"))
    for things in (tenants.ada, tenants.bob):
        path = "/prompt-runs/{run}/videos/{video}/segments/{segment}/retry".format(**things.ids)
        things.ids["retry"] = world.call("POST", path, {}, things.owner).json["retry_id"]
    yield tenants
    close()
    models.stop()
    objects.stop()


def test_the_other_tenant_has_one_of_everything_that_an_id_can_name(tenants: Tenants) -> None:
    """Else the matrix would compare what is missing with what is missing."""
    assert {place.noun for place in PLACES} <= set(tenants.theirs)


def send(tenants: Tenants, place: Place, put: str) -> Answer:
    """The request as Ada makes it, all ids her own but the one in question."""
    route, things = place.route, tenants.ada
    path = address(route, things, {place.name: put} if place.where == "path" else {})
    query = {place.name: put} if place.where == "query" else query_of(route, things)
    sent = None
    if route.body is not None:
        body = place.body if place.body is not None else dict(example_of(route, models()))
        sent = json.loads(json.dumps(own(route, things, body)).replace("FOREIGN", put))
    return tenants.world.call(route.method, path, sent, tenants.world.as_owner("ada"), query=query)


def comparable(answer: Answer, put: str) -> tuple[int, Any, dict[str, str]]:
    """Without what differs between any two answers, and without the id that was asked for."""
    headers = {name: value for name, value in answer.headers.items() if not NOT_OF_THE_ANSWER.match(name)}
    if answer.status < 400:
        return answer.status, None, {}
    error = answer.json["error"]
    told = json.dumps({name: error[name] for name in ("code", "message", "details")}).replace(put, "ID")
    return answer.status, told, headers


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_foreign_id_is_answered_like_a_missing_one_wherever_it_stands(tenants: Tenants, place: Place) -> None:
    foreign, missing = tenants.theirs[place.noun], new_id(place.noun)
    theirs, nothing = send(tenants, place, foreign), send(tenants, place, missing)
    assert theirs.status < 500, theirs.body
    assert comparable(theirs, foreign) == comparable(nothing, missing)
    told = theirs.body.decode(errors="replace").replace(foreign, "")
    assert "bob's" not in told
    assert not [one for one in tenants.theirs.values() if one in told]


def test_nothing_of_the_other_tenant_was_touched(tenants: Tenants) -> None:
    """Runs behind the matrix: what was Bob's is all there, under the same names."""
    world, bob = tenants.world, tenants.world.as_owner("bob")
    assert [one["name"] for one in world.call("GET", "/indexes", None, bob).json] == ["bob's index"]
    assert [one["name"] for one in world.call("GET", "/prompts", None, bob).json["prompts"]] == ["bob's prompt"]
    assert [one["note"] for one in world.call("GET", "/markers", None, bob).json] == ["bob's note"]
    assert [one["name"] for one in world.call("GET", "/webhooks", None, bob).json] == ["bob's hook"]
    assert world.call("GET", f"/videos/{tenants.theirs['video']}", None, bob).json["title"] == "bob's film"
    assert all(one["revoked_at"] is None for one in world.call("GET", "/api-keys", None, bob).json)


@pytest.fixture(scope="module")
def refused(tenants: Tenants) -> dict[str, dict[str, str]]:
    """Credentials that were good once or never, by what is wrong with them."""
    world = tenants.world
    revoked = world.call("POST", "/api-keys", {"name": "revoked", "scopes": ["admin"]}, world.as_owner()).json
    world.call("POST", f"/api-keys/{revoked['key_id']}/revoke", None, world.as_owner())
    short = world.call("POST", "/api-keys", {"name": "short", "scopes": ["admin"], "expires_in_days": 1}, world.as_owner()).json
    stale = world.as_owner()
    world.clock.advance(8 * 86_400)
    world.token()  # the issuer goes on
    return {
        "none": {},
        "revoked key": {"X-API-Key": revoked["key"]},
        "expired key": {"X-API-Key": short["key"]},
        "unknown key": {"X-API-Key": "sk_live_" + "0" * 48},
        "expired token": stale,
        "token of nobody": {"Authorization": "Bearer a.b.c"},
    }


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.id)
def test_no_operation_is_open_to_a_credential_that_is_none(
    tenants: Tenants, refused: dict[str, dict[str, str]], route: Route
) -> None:
    path = address(route, tenants.ada)
    body = dict(example_of(route, models())) if route.body else None
    for why, headers in refused.items():
        answer = tenants.world.call(route.method, path, body, headers)
        assert (answer.status, answer.error) == (401, "unauthenticated"), why


@pytest.mark.parametrize("route", [r for r in CLOSED if r.scope in LADDER[1:]], ids=lambda route: route.id)
def test_every_lower_scope_is_refused(tenants: Tenants, keys: dict[Scope, dict[str, str]], route: Route) -> None:
    path = address(route, tenants.ada)
    for lower in LADDER[: LADDER.index(route.scope)]:
        answer = tenants.world.call(route.method, path, None, keys[lower])
        assert (answer.status, answer.error) == (403, "insufficient_scope"), lower


@pytest.fixture(scope="module")
def keys(tenants: Tenants) -> dict[Scope, dict[str, str]]:
    return {scope: tenants.world.as_key(scope) for scope in LADDER}


def test_every_kind_of_place_is_in_the_matrix() -> None:
    """A check of the generator: what it is known to find, it finds."""
    found = {str(place) for place in PLACES}
    assert {
        "GET /indexes/{index_id}: index_id in path",
        "GET /prompt-runs/{run_id}/results: video_id in query",
        "POST /prompt-runs/execute: prompt_id in body: prompt_id",
        "POST /prompt-runs/execute: index_id in body: target.index_id",
        "POST /prompt-runs/execute: video_ids in body: target.video_ids",
        "POST /videos/batch/segments: video_id in body: targets.video_id",
        "POST /webhooks: index_ids in body: index_ids",
        "PUT /indexes/{index_id}/automations/import: prompt_id in body: prompt_preset.prompt_id",
    } <= found
