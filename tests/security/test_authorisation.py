"""Every operation of the reference × every place an id can stand × every credential that must not do: nothing leaks.

Made of the route lists: a new route is in the matrix the moment it exists.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.domain.ids import new_id
from shared.http.routes import Route, Scope
from shared.openapi.examples import example_id, example_of, noun_named, value_named
from shared.openapi.models import Models
from tests.api.test_indexes import put_run, put_video, tenant_of
from tests.api.test_prompts import create, scenes
from tests.api.world import FAMILIES, Answer, World, build

ROUTES = [route for routes in FAMILIES.values() for route in routes]
CLOSED = [route for route in ROUTES if route.scope is not Scope.PUBLIC and not route.at_root]
LADDER = [Scope.SEARCH, Scope.READ, Scope.WRITE, Scope.ADMIN]
# Named like ids of ours and none: words of a client, and of another provider's directory.
NO_IDS_OF_OURS = {"event_id", "tenant_id"}
NOT_OF_THE_ANSWER = re.compile(r"^(x-request-id|(x-)?ratelimit.*|retry-after)$", re.IGNORECASE)


@cache
def models() -> Models:
    return Models(ROUTES)


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
    own: dict[str, str]
    theirs: dict[str, str]


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    folder: Path = tmp_path_factory.mktemp("authorisation")
    world = build(folder)
    return Tenants(world, one_of_each(world, "ada"), one_of_each(world, "bob"))


def one_of_each(world: World, sub: str) -> dict[str, str]:
    """By noun; what nobody made here is missing for both tenants alike."""
    tenant, owner = tenant_of(world, sub), world.as_owner(sub)
    index_id = world.call("POST", "/indexes", {"name": f"{sub}'s index"}, owner).json["index_id"]
    prompt_id = create(world, scenes(name=f"{sub}'s prompt"), sub).json["prompt_id"]
    video_id = put_video(world, tenant, index_id, f"{sub}'s film").video_id
    run_id = put_run(world, tenant, [index_id], prompt_id=prompt_id, status="completed").run_id
    made = {"index": index_id, "prompt": prompt_id, "video": video_id, "run": run_id}
    made["api_key"] = world.call("POST", "/api-keys", {"name": f"{sub}'s key"}, owner).json["key_id"]
    mark = {"target_type": "prompt", "target_id": prompt_id, "color": "red", "note": f"{sub}'s note"}
    made["marker"] = world.call("PUT", "/markers", mark, owner).json["marker_id"]
    hook = {"name": f"{sub}'s hook", "url": "https://hooks.example.com/x", "events": ["export.ready"]}
    made["webhook"] = world.call("POST", "/webhooks", hook, owner).json["webhook_id"]
    made["export"] = world.call("POST", f"/exports/index/{index_id}", None, owner).json["export_id"]
    made["session"] = world.call("POST", "/chat/sessions", {"title": f"{sub}'s talk"}, owner).json["session_id"]
    return made


def send(tenants: Tenants, place: Place, put: str) -> Answer:
    """The request as Ada makes it, all ids her own but the one in question."""
    route = place.route
    own = {noun: tenants.own.get(noun, example_id(noun)) for noun in _nouns()}
    path = route.path
    for name in route.parameters:
        mine = own.get(noun_named(name) or "", "x")
        path = path.replace(f"{{{name}}}", put if (place.where, place.name) == ("path", name) else mine)
    body = place.body if place.body is not None else dict(example_of(route, models())) if route.body else None
    text = json.dumps(body)
    for noun, value in own.items():
        text = text.replace(example_id(noun), value)
    query = {place.name: put} if place.where == "query" else _required(route, own)
    sent = json.loads(text.replace("FOREIGN", put)) if route.body else None
    return tenants.world.call(route.method, path, sent, tenants.world.as_owner("ada"), query=query)


@cache
def _nouns() -> set[str]:
    named = [name for place in PLACES for name in (*place.route.parameters, place.name)]
    return {noun for name in named if (noun := noun_named(name))} | {"index", "prompt", "video", "run", "connector", "segment"}


def _required(route: Route, own: Mapping[str, str]) -> dict[str, str]:
    fields = route.query.model_fields if route.query else {}
    return {name: own.get(noun_named(name) or "", "1") for name, field in fields.items() if field.is_required()}


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
    foreign, missing = tenants.theirs.get(place.noun, new_id(place.noun)), new_id(place.noun)
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
    path = re.sub(r"\{(\w+)\}", lambda name: tenants.own.get(noun_named(name.group(1)) or "", "x"), route.path)
    body = dict(example_of(route, models())) if route.body else None
    for why, headers in refused.items():
        answer = tenants.world.call(route.method, path, body, headers)
        assert (answer.status, answer.error) == (401, "unauthenticated"), why


@pytest.mark.parametrize("route", [r for r in CLOSED if r.scope in LADDER[1:]], ids=lambda route: route.id)
def test_every_lower_scope_is_refused(tenants: Tenants, keys: dict[Scope, dict[str, str]], route: Route) -> None:
    path = re.sub(r"\{(\w+)\}", lambda name: tenants.own.get(noun_named(name.group(1)) or "", "x"), route.path)
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
