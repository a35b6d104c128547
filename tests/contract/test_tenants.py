"""Another tenant's id is as good as none: same status, same words, nothing changed."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from shared.domain.chat import ChatTurn
from shared.domain.ids import new_id
from shared.domain.runs import RunMedia, SegmentResult
from shared.domain.webhooks import Delivery, Webhook
from shared.http.routes import Route, Scope
from tests.api.test_indexes import an_index, put_run, put_video, tenant_of
from tests.api.test_prompts import create, scenes
from tests.api.world import FAMILIES, Answer, World
from tests.contract.families import ROUTES, below

NOUNS = {
    "key_id": "api_key",
    "index_id": "index",
    "video_id": "video",
    "prompt_id": "prompt",
    "run_id": "run",
    "marker_id": "marker",
    "segment_id": "segment",
    "retry_id": "retry",
    "webhook_id": "webhook",
    "delivery_id": "delivery",
    "export_id": "export",
    "connector_id": "connector",
    "job_id": "import_job",
    "session_id": "session",
    "turn_id": "turn",
}
WITH_IDS = [route for routes in FAMILIES.values() for route in routes if route.parameters and not route.at_root]
BODIES: dict[str, dict[str, Any]] = {
    "PUT /indexes/{index_id}/automations/import": {"connector_id": "conn_x"},
    "PUT /indexes/{index_id}/automations/export": {"destination_connector_id": "conn_x"},
    "PUT /indexes/{index_id}/prompt": {"prompt_id": "prm_x"},
    "PUT /prompts/{prompt_id}": {"name": "Taken over"},
    "POST /chat/sessions/{session_id}/turns": {"message": "What is there?"},
    "POST /chat/sessions/{session_id}/turns/stream": {"message": "What is there?"},
}
IN_BODIES = [
    ("POST", "/videos", {"title": "t", "video_uri": "gs://other/x.mp4", "index_id": "{index_id}"}),
    ("POST", "/prompt-runs/execute", {"prompt_id": "{prompt_id}", "target": {"type": "playground"}}),
    ("POST", "/prompt-runs/execute", {"prompt_id": "{own_prompt_id}", "target": {"type": "index", "index_id": "{index_id}"}}),
    ("POST", "/prompt-runs/execute", {"prompt_id": "{own_prompt_id}", "target": {"type": "videos", "video_ids": ["{video_id}"]}}),
    ("PUT", "/indexes/{own_index_id}/prompt", {"prompt_id": "{prompt_id}"}),
    (
        "POST",
        "/videos",
        {"title": "t", "video_uri": "s3://x/y.mp4", "index_id": "{own_index_id}", "source_connector_id": "{connector_id}"},
    ),
    ("POST", "/import-jobs", {"connector_id": "{connector_id}", "index_id": "{own_index_id}"}),
    ("PUT", "/indexes/{own_index_id}/automations/import", {"connector_id": "{connector_id}"}),
    ("PUT", "/indexes/{own_index_id}/automations/export", {"destination_connector_id": "{connector_id}"}),
    ("PUT", "/markers", {"target_type": "prompt", "target_id": "{prompt_id}", "color": "red", "note": "mine"}),
    ("PUT", "/markers", {"target_type": "video", "target_id": "{video_id}", "color": "red", "note": "mine"}),
    ("PUT", "/markers", {"target_type": "prompt_run", "target_id": "{run_id}", "color": "red", "note": "mine"}),
]


@pytest.fixture
def theirs(world: World) -> dict[str, str]:
    """One of everything, of Bob's."""
    index_id = an_index(world, sub="bob")["index_id"]
    key_id = world.call("POST", "/api-keys", {"name": "bob's"}, world.as_owner("bob")).json["key_id"]
    tenant = tenant_of(world, "bob")
    prompt_id = create(world, scenes(), "bob").json["prompt_id"]
    video_id = put_video(world, tenant, index_id, "bob's film").video_id
    run_id = put_run(world, tenant, [index_id], prompt_id=prompt_id, status="failed").run_id
    mark = {"target_type": "prompt", "target_id": prompt_id, "color": "red", "note": "bob's"}
    marker = world.call("PUT", "/markers", mark, world.as_owner("bob"))
    ids = {"key_id": key_id, "index_id": index_id, "video_id": video_id, "prompt_id": prompt_id, "run_id": run_id}
    segment_id = put_failed_segment(world, tenant, run_id, video_id)
    retry = f"/prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}/retry"
    retried = world.call("POST", retry, None, world.as_owner("bob"))
    retry_id = retried.json.get("retry_id", new_id("retry"))
    export_id = world.call("POST", f"/exports/index/{index_id}", None, world.as_owner("bob")).json["export_id"]
    return (
        {**ids, "marker_id": marker.json["marker_id"], "segment_id": segment_id, "retry_id": retry_id, "export_id": export_id}
        | put_turn(world, tenant)
        | put_delivery(world, tenant)
        | put_import(world, index_id)
    )


def put_turn(world: World, tenant: str) -> dict[str, str]:
    """A chat session of Bob's with a question in it."""
    now = world.store.clock()
    session_id = world.call("POST", "/chat/sessions", {"title": "bob's"}, world.as_owner("bob")).json["session_id"]
    stamps = {"created_at": now, "updated_at": now, "tenant": tenant, "session_id": session_id}
    turn = ChatTurn(**stamps, turn_id=new_id("turn"), user_id="bob", message="Whose?", status="pending", wake_at=now)
    batch = world.store.batch()
    batch.create(turn)
    batch.commit()
    return {"session_id": session_id, "turn_id": turn.turn_id}


def put_delivery(world: World, tenant: str) -> dict[str, str]:
    """A webhook of Bob's, and a delivery of it that failed."""
    now = world.store.clock()
    stamps = {"created_at": now, "updated_at": now, "tenant": tenant, "webhook_id": new_id("webhook")}
    named = {"name": "bob's", "url": "https://receiver.example/", "events": ["export.ready"], "user_id": "bob"}
    told = {"event_id": new_id("event"), "event_type": "export.ready", "status": "failed"}
    webhook, delivery = Webhook(**stamps, **named), Delivery(**stamps, **told, delivery_id=new_id("delivery"))
    batch = world.store.batch()
    batch.create(webhook)
    batch.create(delivery)
    batch.commit()
    return {"webhook_id": webhook.webhook_id, "delivery_id": delivery.delivery_id}


def put_import(world: World, index_id: str) -> dict[str, str]:
    """A connector of Bob's, and an import from it into his index."""
    owner = world.as_owner("bob")
    place = {"bucket": "bobs-films", "region": "us-east-1", "aws_access_key_id": "AKIA", "aws_secret_access_key": "bob's"}
    connector_id = world.call("POST", "/connectors/s3", {"name": "bob's", **place}, owner).json["connector_id"]
    job = world.call("POST", "/import-jobs", {"connector_id": connector_id, "index_id": index_id}, owner)
    return {"connector_id": connector_id, "job_id": job.json["job_id"]}


def put_failed_segment(world: World, tenant: str, run_id: str, video_id: str) -> str:
    """A segment of the run that failed for good, and so could be tried again by its owner."""
    now = world.store.clock()
    ids = {"tenant": tenant, "run_id": run_id, "video_id": video_id}
    times = {"created_at": now, "updated_at": now}
    media = RunMedia(**times, **ids, status="failed", open=False, total_segments=1, failed_segments=1)
    failed = {"status": "failed", "open": False, "has_failures": True, "retryable": True}
    row = SegmentResult(**times, **ids, segment_id=new_id("segment"), **failed)
    batch = world.store.batch()
    batch.create(media)
    batch.create(row)
    batch.commit()
    return row.segment_id


def missing() -> dict[str, str]:
    return {name: new_id(noun) for name, noun in NOUNS.items()}


def comparable(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    error = answer.json.get("error", answer.json)
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id" and "RateLimit" not in name}
    return answer.status, {name: error[name] for name in error if name not in ("request_id", "timestamp")}, headers


def everything_of(world: World, theirs: dict[str, str]) -> Any:
    tenant = tenant_of(world, "bob")
    below = {}
    for name in (
        "indexes",
        "videos",
        "prompts",
        "runs",
        "deletions",
        "markers",
        "exports",
        "webhooks",
        "deliveries",
        "connectors",
        "import_jobs",
    ):
        below[name] = {d.id: d.to_dict() for d in world.store.db.collection(f"tenants/{tenant}/{name}").stream()}
    return json.dumps(below, default=str, sort_keys=True)


@pytest.mark.parametrize("route", WITH_IDS, ids=lambda route: route.id)
def test_a_foreign_id_in_the_path_is_answered_like_a_missing_one(world: World, theirs: dict[str, str], route: Route) -> None:
    before = everything_of(world, theirs)
    body = BODIES.get(route.id, {}) if route.body else None
    query = {"video_id": theirs["video_id"]} if route.path.endswith("/results") else None
    foreign = world.call(route.method, below(route, theirs), body, world.as_owner("ada"), query=query)
    nothing = world.call(route.method, below(route, missing()), body, world.as_owner("ada"), query=query)
    assert foreign.status == 404, foreign.body
    assert comparable(foreign) == comparable(nothing)
    assert everything_of(world, theirs) == before


@pytest.mark.parametrize(("method", "path", "body"), IN_BODIES, ids=lambda value: json.dumps(value)[:60])
def test_a_foreign_id_in_the_body_is_answered_like_a_missing_one(
    world: World, theirs: dict[str, str], method: str, path: str, body: dict[str, Any]
) -> None:
    own = {"own_index_id": an_index(world)["index_id"], "own_prompt_id": create(world, scenes()).json["prompt_id"]}

    def send(values: dict[str, str]) -> Answer:
        text, at = json.dumps(body), path
        for name, value in {**values, **own}.items():
            text, at = text.replace(f"{{{name}}}", value), at.replace(f"{{{name}}}", value)
        return world.call(method, at, json.loads(text), world.as_owner("ada"))

    foreign, nothing = send(theirs), send(missing())
    assert foreign.status == 404, foreign.body
    assert comparable(foreign) == comparable(nothing)


@pytest.mark.parametrize("route", [r for r in WITH_IDS if r.method == "GET"], ids=lambda route: route.id)
@pytest.mark.parametrize("odd", ["..", ".", "%2e%2e", "a%2Fb", "__x__", "%00", "%", "x" * 3000, "%C3%A9", "a b", "%ff"])
def test_an_id_of_any_shape_is_a_404_and_never_a_fault(world: World, route: Route, odd: str) -> None:
    answer = world.call("GET", below(route, dict.fromkeys(NOUNS, odd)), None, world.as_owner(), query={"video_id": "vid_x"})
    assert answer.status == 404, answer.body


def test_lists_show_ones_own_alone(world: World, theirs: dict[str, str]) -> None:
    for path in ("/indexes", "/api-keys", "/prompt-runs", "/exports", "/webhooks"):
        assert world.call("GET", path, None, world.as_owner("carol")).json == []
    assert world.call("GET", "/prompts", None, world.as_owner("carol")).json["prompts"] == []
    assert world.call("GET", "/playground/videos", None, world.as_owner("carol")).json["data"] == []


def test_a_cursor_of_another_tenant_is_refused(world: World) -> None:
    tenant = tenant_of(world, "bob")
    for title in ("one", "two"):
        put_video(world, tenant, "", title)
    page = world.call("GET", "/playground/videos", None, world.as_owner("bob"), query={"limit": 1}).json
    cursor = page["pagination"]["next_cursor"]
    refused = world.call("GET", "/playground/videos", None, world.as_owner("ada"), query={"cursor": cursor})
    assert (refused.status, refused.error) == (400, "invalid_cursor")


def test_every_kind_of_id_that_a_route_takes_is_in_the_matrix() -> None:
    covered = {route.id for route in WITH_IDS}
    own = [route for route in ROUTES if route.parameters and not route.at_root]
    uncovered = [route.id for route in own if route.id not in covered and route.scope is not Scope.SEARCH]
    assert uncovered == []
    assert {name for route in WITH_IDS for name in route.parameters} <= set(NOUNS)


def test_what_is_kept_in_code_about_a_caller_is_never_the_credential(world: World) -> None:
    key = world.as_key("read")["X-API-Key"]
    world.call("GET", "/auth/validate", None, {"X-API-Key": key})
    cached = [asdict(stored) for stored, _ in world.kit.authenticator.keys._cache.values()]
    assert key not in str(cached) and key not in str(list(world.kit.authenticator.keys._cache))
