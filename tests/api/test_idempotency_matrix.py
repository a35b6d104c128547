"""Every operation that changes something, whatever family it is of: asked twice, at once, after a crash, it happens once.

Generated from the route lists. The first half puts one counting handler behind a route; the second drives the handlers of the
families themselves, call by call of the store. That each operation's own example is replayed is in test_examples.
"""

import io
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
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
from tests.api.test_examples import CHANGING as OWN
from tests.api.test_examples import ELSEWHERE, remains, someone
from tests.api.test_idempotency import Dies
from tests.api.test_indexes import tenant_of
from tests.api.test_requests import multipart
from tests.api.things import ask
from tests.api.world import Answer, World, answer_of
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


# What test_examples leaves out is asked twice here, and one of each way to send; the rest goes the same way, in the long run.
SOME = [r for r in CHANGING if r.id in ELSEWHERE or r.multipart or r.secret_response or r not in OWN]


@pytest.mark.parametrize(
    "route",
    [r if r in SOME else pytest.param(r, marks=pytest.mark.long) for r in CHANGING],
    ids=lambda route: route.id,
)
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


def interrupted_everywhere(platform: World, route: Route, effect: str) -> None:
    """A tenant of its own for each call of the store that is broken; what is left of each is what is left of one untroubled."""
    calm = someone(platform, route)
    clean = ask(platform, route, calm, {"Idempotency-Key": "once"})
    assert clean.status == route.status, clean.body
    one = remains(platform, calm.tenant)
    for at in range(1, 40):
        things, original = someone(platform, route), platform.faults.take
        reached = interrupt(platform, at, effect)
        try:
            answer = persist(platform, lambda things=things: ask(platform, route, things, {"Idempotency-Key": "once"}))  # type: ignore[misc]
        finally:
            over = not reached()
            platform.faults.take = original  # type: ignore[method-assign]
        assert answer.status == clean.status, (at, answer.body)
        assert remains(platform, things.tenant) == one, f"interrupted at call {at}"
        if over:
            return
    raise AssertionError("it calls the store more often than this test looks at")


MAKES_MUCH = ["POST /api-keys", "PUT /markers", "POST /prompt-runs/execute", "DELETE /indexes/{index_id}"]


@pytest.mark.parametrize("route", [r for r in OWN if r.id in MAKES_MUCH], ids=lambda route: route.id)
def test_an_operation_whose_worker_dies_at_any_call_leaves_what_one_leaves(platform: World, route: Route) -> None:
    interrupted_everywhere(platform, route, "die")


@pytest.mark.long
@pytest.mark.parametrize("effect", ["fail", "fail_after", "die"])
@pytest.mark.parametrize("route", OWN, ids=lambda route: route.id)
def test_each_operation_interrupted_at_any_call_leaves_what_one_leaves(platform: World, route: Route, effect: str) -> None:
    interrupted_everywhere(platform, route, effect)
