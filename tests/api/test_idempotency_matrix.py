"""Every operation that changes something, whatever family it is of: asked twice, at once, after a crash, it happens once.

Generated from the route lists. The first half puts one counting handler behind every route; the second drives handlers of the
families themselves, call by call of the store.
"""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from emulators.faults import Fault
from shared.domain.markers import MarkedTarget
from shared.http.app import App
from shared.http.call import Call
from shared.http.request import Headers, Request
from shared.http.routes import Route, Scope
from shared.store.idempotency import REPLAYED
from tests.api.test_idempotency import Dies
from tests.api.test_indexes import put_video, tenant_of
from tests.api.test_prompts import scenes
from tests.api.test_requests import multipart
from tests.api.world import FAMILIES, Answer, World, answer_of
from tests.contract.families import ROUTES, filled

CHANGING = [route for route in ROUTES if route.idempotent]
NOT_CHANGING = {  # POST only because they take a body: nothing is different afterwards
    Scope.SEARCH,
    Scope.READ,
    Scope.PUBLIC,
}
STORE = ("firestore.Commit", "firestore.BatchGetDocuments")
STABLE = ("Content-Type", "Cache-Control", "X-Content-Type-Options")


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Effects:
    """A handler that leaves one document and tells its id."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, call: Call[Any], deps: Any, *ids: str) -> dict[str, Any]:
        now, marker = self._world.store.clock(), call.new_id("marker")
        made = MarkedTarget(created_at=now, updated_at=now, tenant=call.tenant, target_key=marker, target_id="x")
        self._world.store.create_once(made)
        return {"made": marker, "text": "Köln"}

    def count(self, sub: str = "ada") -> int:
        return len(list(self._world.store.db.collection(f"tenants/{tenant_of(self._world, sub)}/markers").stream()))


def of(world: World, route: Route, effects: Effects) -> App:
    form = {"multipart": Anything} if route.multipart else {"body": Anything}
    return world.app([replace(route, handler=effects, query=None, **form)])


def send(world: World, app: App, route: Route, body: Any = None, sub: str = "ada", boundary: str = "one") -> Answer:
    if route.multipart:
        content, kind = multipart(("title", None, json.dumps(body).encode()), ("file", "a.mp4", b"film"), boundary=boundary)
    else:
        content, kind = json.dumps(body or {}).encode(), "application/json"
    headers = {**world.as_owner(sub), "Idempotency-Key": "k", "Content-Type": kind}
    world.clock.advance(0.001)
    return answer_of(
        app.handle(Request(route.method, filled(route), "", Headers(headers.items()), io.BytesIO(content), len(content)))
    )


def test_every_route_that_changes_something_is_idempotent() -> None:
    rest = [r for r in ROUTES if r.method != "GET" and not r.idempotent and r.scope not in NOT_CHANGING]
    assert {r.path for r in rest} <= {"/auth/processing-activity", "/rate-limit/refresh", "/prompts/test-schema"} | HARMLESS


# Asked twice they do the same twice, and nothing is left of it: tests of what is there, and streams.
HARMLESS = {r.path for r in ROUTES if r.path.endswith(("/test", "/playground")) or r.path.startswith("/chat/") or r.at_root}


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.id)
def test_asked_again_it_is_answered_the_same_and_happens_once(world: World, route: Route) -> None:
    effects = Effects(world)
    app = of(world, route, effects)
    first, again = send(world, app, route), send(world, app, route, boundary="two")
    assert first.status == route.status, first.body
    assert (again.status, again.body) == (first.status, first.body)
    assert [again.headers.get(name) for name in STABLE] == [first.headers.get(name) for name in STABLE]
    assert REPLAYED not in first.headers and again.headers[REPLAYED] == "true"
    assert effects.count() == 1
    other = send(world, app, route, {"other": 1})
    assert (other.status, other.error) == (422, "idempotency_key_reused")
    theirs = send(world, app, route, sub="bob")
    assert REPLAYED not in theirs.headers and theirs.json["made"] != first.json["made"]
    assert (effects.count(), effects.count("bob")) == (1, 1)
    stored = [d.to_dict() or {} for d in world.store.db.collection_group("idempotency").stream()]
    assert all((one["encoding"] == "sealed") is (route.secret_response) for one in stored if one["done"])
    assert all(one["expires_at"].timestamp() > world.clock() + 71 * 3600 for one in stored)


@pytest.mark.parametrize("route", [CHANGING[0], next(r for r in CHANGING if r.multipart)], ids=lambda route: route.id)
def test_twenty_at_once_happen_once(world: World, route: Route) -> None:
    effects, answers = Effects(world), []
    app = of(world, route, effects)
    send(world, app, replace(route, idempotent=False), {"warm": True}, sub="carol")
    threads = [threading.Thread(target=lambda: answers.append(send(world, app, route))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 20
    done = [one for one in answers if one.status == route.status]
    assert {one.body for one in done} == {done[0].body}
    assert {one.status for one in answers} <= {route.status, 409}
    assert sum(REPLAYED not in one.headers for one in done) == 1
    assert effects.count() == 1


def interrupt(world: World, at: int, effect: str) -> Callable[[], bool]:
    """The `at`-th call of the store from here on fails before or after it is done, or is the process's last."""
    seen, original = [0], world.faults.take

    def take(operation: str) -> Fault | None:
        if operation in STORE:
            seen[0] += 1
            if seen[0] == at:
                if effect == "die":
                    raise Dies
                return Fault(operation, effect, status=503)  # type: ignore[arg-type]
        return original(operation)

    world.faults.take = take  # type: ignore[method-assign]
    return lambda: seen[0] >= at


def persist(world: World, ask: Callable[[], Answer]) -> Answer:
    """As a client does that never gives up."""
    for _ in range(6):
        with suppress(Dies):
            answer = ask()
            if answer.status < 500 and answer.status != 409:
                return answer
        world.clock.advance(91)
    raise AssertionError(answer.body)


@pytest.mark.parametrize("effect", ["fail", "fail_after", "die"])
@pytest.mark.parametrize("route", [CHANGING[0], next(r for r in CHANGING if r.multipart)], ids=lambda route: route.id)
def test_interrupted_at_any_call_of_the_store_it_happens_once(world: World, route: Route, effect: str) -> None:
    for at in range(1, 12):
        effects = Effects(world)
        app = of(world, route, effects)
        sub = f"{effect}{at}"
        original = world.faults.take
        reached = interrupt(world, at, effect)
        answer = persist(world, lambda app=app, sub=sub: send(world, app, route, sub=sub))  # type: ignore[misc]
        over = not reached()
        world.faults.take = original  # type: ignore[method-assign]
        assert answer.status == route.status
        assert effects.count(sub) == 1
        if over:
            return
    raise AssertionError("it calls the store more often than this test looks at")


@dataclass(frozen=True)
class Recipe:
    """How a family's own operation is asked for; `ready` makes what it needs and gives the body."""

    method: str
    path: str
    ready: Callable[[World], dict[str, Any]]


def _run(world: World) -> dict[str, Any]:
    put_video(world, tenant_of(world), "", "a film")
    prompt = world.call("POST", "/prompts", scenes(), world.as_owner()).json["prompt_id"]
    return {"prompt_id": prompt, "target": {"type": "playground"}}


def _mark(world: World) -> dict[str, Any]:
    prompt = world.call("POST", "/prompts", scenes(), world.as_owner()).json["prompt_id"]
    return {"target_type": "prompt", "target_id": prompt, "color": "red"}


RECIPES = [
    Recipe("POST", "/indexes", lambda world: {"name": "A"}),
    Recipe("POST", "/api-keys", lambda world: {"name": "A"}),
    Recipe("POST", "/prompts", lambda world: scenes()),
    Recipe("PUT", "/markers", _mark),
    Recipe("POST", "/prompt-runs/execute", _run),
    Recipe("POST", "/webhooks", lambda world: {"name": "A", "url": "https://example.com/h", "events": ["media.created"]}),
]


def remains(world: World) -> Counter[str]:
    """How many documents of each kind the tenant has, and keys."""
    found: Counter[str] = Counter()
    below = world.store.db.document(f"tenants/{tenant_of(world)}")
    for collection in below.collections():
        if collection.id not in ("idempotency", "usage", "usage_rows"):
            found[collection.id] = len(list(collection.stream()))
    found["keys"] = len(list(world.store.db.collection("api_keys_by_hash").stream()))
    return found


@pytest.mark.parametrize("effect", ["fail", "fail_after", "die"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.method} {recipe.path}")
def test_a_familys_own_operation_interrupted_at_any_call_leaves_what_one_leaves(
    world: World, recipe: Recipe, effect: str
) -> None:
    if not any(recipe.path == route.path for routes in FAMILIES.values() for route in routes):
        pytest.skip("this family is not deployed")
    body = recipe.ready(world)
    before = remains(world)
    clean = world.call(recipe.method, recipe.path, body, {**world.as_owner(), "Idempotency-Key": "clean"})
    assert clean.status in (200, 201), clean.body
    one = remains(world) - before
    for at in range(1, 25):
        before, original = remains(world), world.faults.take
        headers = {**world.as_owner(), "Idempotency-Key": f"{effect}-{at}"}
        reached = interrupt(world, at, effect)
        answer = persist(world, lambda headers=headers: world.call(recipe.method, recipe.path, body, headers))  # type: ignore[misc]
        over = not reached()
        world.faults.take = original  # type: ignore[method-assign]
        assert answer.status == clean.status, answer.body
        assert remains(world) - before == (Counter() if recipe.method == "PUT" else one), f"interrupted at call {at}"
        if over:
            return
    raise AssertionError("it calls the store more often than this test looks at")
