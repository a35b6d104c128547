"""What the reference shows is asked for: each example has its documented success, and what changes something happens once.

Every operation is asked by a tenant of its own that has one of everything. An operation that is new is asked the moment it
exists: it fails here, by its name, until its example works or it stands in a list below with the reason.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from shared.http.routes import Route
from shared.store.idempotency import REPLAYED
from tests.api.things import Things, ask, body_of, one_of_each
from tests.api.world import Answer, World
from tests.contract.families import ROUTES

# Examples that are not asked for here, and where such requests are.
ELSEWHERE = {
    "POST /connectors/{connector_id}/browse": "looks into a bucket of another provider: tests/pipeline/test_imports.py",
    "POST /chat/sessions/{session_id}/turns": "waits for a worker: tests/chat",
    "POST /prompts/generate": "waits for a model's draft: tests/api/test_prompt_drafts.py",
    "GET /exports/{export_id}/download": "a file that a stage makes: tests/pipeline/test_exports.py",
    "GET /videos/segments/{segment_id}/thumbnail": "a picture that a stage makes: tests/e2e/test_media_runs.py",
    "GET /videos/{video_id}/gif": "a picture that a stage makes: tests/e2e/test_media_runs.py",
    "GET /videos/{video_id}/sprite": "a picture that a stage makes: tests/e2e/test_media_runs.py",
    "GET /videos/{video_id}/sprite.vtt": "a picture that a stage makes: tests/e2e/test_media_runs.py",
    "GET /workflow/search/page": "goes on from an earlier answer",
    "POST /workflow/define": "waits for a model's draft",
    "GET /videos/{video_id}/transcript": "what a stage heard: tests/e2e/test_media_runs.py",
}
CALLS_THE_REST = "/mcp/"  # this family asks the others through the gateway, with the credential it was asked with
SUBS = (f"user{n}" for n in range(100_000))


def asked_here(route: Route) -> bool:
    """What stands at the root is pages and other protocols; streams have no end."""
    apart = route.at_root or route.path.startswith(CALLS_THE_REST) or "text/event-stream" in route.media_types
    return not apart and route.id not in ELSEWHERE


ASKED = [route for route in ROUTES if asked_here(route)]
CHANGING = [route for route in ASKED if route.idempotent]


def test_every_operation_of_the_product_is_in_this_world_and_none_of_the_lists_is_stale(platform: World) -> None:
    served = {route.id for app in platform.apps.values() for route in app.routes}
    assert {route.id for route in ASKED} <= served
    assert set(ELSEWHERE) <= {route.id for route in ROUTES}
    assert set(BEFORE) <= {route.id for route in ASKED}


def _delete(noun: str, at: str) -> Callable[[World, Things], None]:
    def before(platform: World, things: Things) -> None:
        assert platform.call("DELETE", f"{at}/{things.ids[noun]}", None, things.owner).status == 200

    return before


def _attach(platform: World, things: Things) -> None:
    body = {"prompt_id": things.ids["prompt"]}
    assert platform.call("PUT", f"/indexes/{things.ids['index']}/prompt", body, things.owner).status == 200


def _retry(platform: World, things: Things) -> None:
    ids = things.ids
    path = f"/prompt-runs/{ids['run']}/videos/{ids['video']}/segments/{ids['segment']}/retry"
    answer = platform.call("POST", path, {}, things.owner)
    assert answer.status == 202, answer.body
    ids["retry"] = answer.json["retry_id"]


def _session(platform: World, things: Things) -> None:
    body = {"title": "Evening news", "content_type": "video/mp4", "size_bytes": 1_000}
    answer = platform.call("POST", "/videos/upload-session", body, things.owner)
    assert answer.status == 201, answer.body
    things.ids["video"] = answer.json["video_id"]


def _registered(platform: World, things: Things) -> None:
    body = {"title": "News", "video_uri": "gs://media-archive/2026/04/news.mp4", "index_id": things.ids["index"]}
    assert platform.call("POST", "/videos", body, things.owner).status == 201


# What the owner did before, where one of everything is not enough.
BEFORE: dict[str, Callable[[World, Things], None]] = {
    "GET /indexes/{index_id}/deletion": _delete("index", "/indexes"),
    "GET /videos/{video_id}/deletion": _delete("video", "/videos"),
    "POST /videos/{video_id}/process": _attach,
    "GET /prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}/retries/{retry_id}": _retry,
    "GET /videos/upload-session/{video_id}": _session,
    "POST /videos/signed-url": _registered,
}


def someone(platform: World, route: Route) -> Things:
    """Somebody new with one of everything, ready for this operation."""
    things = one_of_each(platform, next(SUBS))
    if before := BEFORE.get(route.id):
        before(platform, things)
    return things


def remains(platform: World, tenant: str) -> Counter[str]:
    """How many documents of each kind the tenant has, and keys."""
    found: Counter[str] = Counter()
    for collection in platform.store.db.document(f"tenants/{tenant}").collections():
        if collection.id not in ("idempotency", "usage", "usage_rows"):
            found[collection.id] = len(list(collection.stream()))
    keys = platform.store.db.collection("api_keys_by_hash").stream()
    found["keys"] = sum((one.to_dict() or {}).get("tenant") == tenant for one in keys)
    return found


def changed(body: Any) -> Any:
    """Another request, whether or not it would be taken."""
    return {**(body or {}), "name": "Another", "title": "Another", "note": "Another"}


@pytest.mark.parametrize("route", [r for r in ASKED if not r.idempotent], ids=lambda route: route.id)
def test_the_example_has_its_documented_success(platform: World, route: Route) -> None:
    answer = ask(platform, route, someone(platform, route))
    assert answer.status == route.status, answer.body


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.id)
def test_the_example_has_its_documented_success_and_asked_again_happens_once(platform: World, route: Route) -> None:
    things = someone(platform, route)
    key = {"Idempotency-Key": "once"}
    first = ask(platform, route, things, key)
    assert first.status == route.status, first.body
    after = remains(platform, things.tenant)
    again = ask(platform, route, things, key)
    assert (again.status, again.body) == (first.status, first.body)
    assert REPLAYED not in first.headers and again.headers[REPLAYED] == "true"
    assert remains(platform, things.tenant) == after
    if route.body is not None or route.multipart is not None:
        other: Answer = ask(platform, route, things, key, body=changed(body_of(route, things)))
        assert (other.status, other.error) == (422, "idempotency_key_reused") or other.error == "validation_failed", other.body
        assert remains(platform, things.tenant) == after
