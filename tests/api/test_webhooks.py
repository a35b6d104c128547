"""Webhooks as their owner sees them: made, changed, tried, rotated, removed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks.webhooks import WebhookVerificationError

from shared.domain.events import EventType
from shared.domain.webhooks import Webhook
from tests.api.receiver import Receiver, Said
from tests.api.test_indexes import an_index, tenant_of
from tests.api.world import Answer, World

EVENTS = ["prompt_run.completed", "export.ready"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def create(world: World, url: str = "https://receiver.example/hooks", sub: str = "ada", **fields: Any) -> Answer:
    headers = world.as_owner(sub) | ({"Idempotency-Key": fields.pop("key")} if "key" in fields else {})
    return world.call("POST", "/webhooks", {"name": "Reviews", "url": url, "events": EVENTS, **fields}, headers)


def created(world: World, url: str = "https://receiver.example/hooks", **fields: Any) -> dict[str, Any]:
    made = create(world, url, **fields)
    assert made.status == 201, made.body
    return made.json


def test_a_webhook_shows_its_secret_once_and_keeps_it_sealed(world: World) -> None:
    made = created(world, metadata={"owner": "ops"})
    assert made["secret"].startswith("whsec_") and len(base64.b64decode(made["secret"][6:])) == 32
    assert made["status"] == "active" and made["index_ids"] is None and made["metadata"] == {"owner": "ops"}
    shown = world.call("GET", f"/webhooks/{made['webhook_id']}", None, world.as_owner()).json
    assert "secret" not in shown
    assert world.call("GET", "/webhooks", None, world.as_owner()).json == [shown]
    tenant = tenant_of(world)
    stored = world.store.db.document(f"tenants/{tenant}/webhooks/{made['webhook_id']}").get().to_dict()
    assert made["secret"] not in json.dumps(stored, default=str)


def test_the_names_of_events_need_no_credential(world: World) -> None:
    assert world.call("GET", "/webhooks/events").json == [event.value for event in EventType]


def test_creation_replays_while_the_webhook_lives_and_not_after(world: World) -> None:
    first = created(world, key="k1")
    again = create(world, key="k1")
    assert again.json == first and again.headers["Idempotent-Replayed"] == "true"
    assert create(world, key="k1", name="Other").status == 422
    world.clock.advance(80 * 3600)  # the memory of the request is gone, the webhook is not
    late = create(world, key="k1")
    assert (late.status, late.json) == (201, first)
    refused = create(world, key="k2-" + "x", name="Other")
    assert refused.json["webhook_id"] != first["webhook_id"]
    assert world.call("DELETE", f"/webhooks/{first['webhook_id']}", None, world.as_owner()).status == 200
    anew = created(world, key="k1")
    assert anew["webhook_id"] != first["webhook_id"] and anew["secret"] != first["secret"]
    assert world.call("GET", f"/webhooks/{first['webhook_id']}", None, world.as_owner()).error == "webhook_not_found"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://receiver.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://user:pw@receiver.example/"}, "url"),
        ({"url": "ftp://receiver.example/"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["prompt_run.invented"]}, "events.0"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"metadata": {"x": "y" * 9000}}, "metadata"),
        ({"index_ids": "idx"}, "index_ids"),
    ],
)
def test_a_wrong_field_is_named(world: World, fields: dict[str, Any], field: str) -> None:
    refused = create(world, **{"url": "https://receiver.example/", **fields})
    assert refused.status == 422, refused.body
    assert refused.json["error"]["details"]["errors"][0]["field"].removeprefix("body.") == field


def test_only_ones_own_indexes_narrow_a_webhook(world: World) -> None:
    own = an_index(world)["index_id"]
    theirs = an_index(world, sub="bob")["index_id"]
    assert created(world, index_ids=[own, own])["index_ids"] == [own]
    assert create(world, index_ids=[theirs]).error == "index_not_found"


def test_an_update_changes_what_is_sent_alone(world: World) -> None:
    made = created(world, metadata={"a": 1})
    path = f"/webhooks/{made['webhook_id']}"
    changed = world.call("PATCH", path, {"name": "Other", "status": "paused"}, world.as_owner()).json
    assert (changed["name"], changed["status"], changed["metadata"], changed["events"]) == ("Other", "paused", {"a": 1}, EVENTS)
    assert world.call("PATCH", path, {}, world.as_owner()).json["name"] == "Other"
    for wrong in ({"status": "disabled"}, {"events": []}, {"name": None}, {"url": ""}, {"url": "https://127.1/"}):
        assert world.call("PATCH", path, wrong, world.as_owner()).status == 422, wrong


def test_activating_a_disabled_webhook_forgets_its_failures(world: World) -> None:
    made = created(world)
    tenant = tenant_of(world)
    webhook = world.store.get(Webhook, tenant, made["webhook_id"])
    assert webhook is not None
    batch = world.store.batch()
    failing = {"failure_count": 40, "failing_since": world.store.clock(), "disabled_at": world.store.clock()}
    batch.change(webhook, status="disabled", disabled_reason="nothing but failures for 5 days", **failing)
    batch.commit()
    path = f"/webhooks/{made['webhook_id']}"
    shown = world.call("GET", path, None, world.as_owner()).json
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "nothing but failures for 5 days")
    shown = world.call("PATCH", path, {"status": "active"}, world.as_owner()).json
    assert (shown["status"], shown["failure_count"], shown["disabled_reason"]) == ("active", 0, None)


def test_a_test_event_is_sent_now_and_verifies_in_every_way_there_is(world: World, receiver: Receiver) -> None:
    world.clock.advance(max(0.0, datetime.now(UTC).timestamp() - world.clock()))  # verifiers compare with the wall clock
    made = created(world, f"{receiver.url}/hooks?x=1", metadata={"text": "\u00fcber \U0001f3ac", "number": 1.0})
    result = world.call("POST", f"/webhooks/{made['webhook_id']}/test", None, world.as_owner()).json
    assert result == {"success": True, "status_code": 200, "error": None}
    (got,) = receiver.received
    assert got.path == "/hooks?x=1" and got.headers["x-webhook-id"] == made["webhook_id"]
    assert got.headers["x-event-type"] == "webhook.test" == json.loads(got.body)["event"]
    assert got.headers["idempotency-key"] == got.headers["x-delivery-id"]
    verify_in_every_way(made["secret"], got.headers, got.body)


def verify_in_every_way(secret: str, headers: dict[str, str], body: bytes) -> None:
    """The reference's snippet, the raw body, and the Standard Webhooks library."""
    payload = json.loads(body)
    payload_json = json.dumps(payload, sort_keys=True)
    expected = hmac.new(secret.encode("utf-8"), payload_json.encode("utf-8"), hashlib.sha256).hexdigest()
    assert headers["x-webhook-signature"] == f"sha256={expected}"
    assert headers["x-webhook-signature"] == "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert StandardWebhook(secret).verify(body.decode(), headers) == payload
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(secret).verify(body.decode() + " ", headers)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(500), {"success": False, "status_code": 500, "error": "the receiver answered 500"}),
        (Said(302, (("Location", "http://127.0.0.1:1/"),)), {"success": False, "status_code": 302}),
        (Said(reset=True), {"success": False, "status_code": None}),
    ],
)
def test_a_test_tells_what_went_wrong(world: World, receiver: Receiver, said: Said, expected: dict[str, Any]) -> None:
    receiver.answer = lambda _: said
    made = created(world, receiver.url)
    result = world.call("POST", f"/webhooks/{made['webhook_id']}/test", None, world.as_owner()).json
    assert expected.items() <= result.items() and result["error"]
    assert len(receiver.received) == 1


def test_an_old_secret_signs_beside_the_new_one_for_a_day(world: World, receiver: Receiver) -> None:
    world.clock.advance(max(0.0, datetime.now(UTC).timestamp() - world.clock()))
    made = created(world, receiver.url)
    path = f"/webhooks/{made['webhook_id']}"
    secrets = [made["secret"]]
    for _ in range(2):
        secrets.append(world.call("POST", f"{path}/rotate-secret", None, world.as_owner()).json["new_secret"])
    assert world.call("POST", f"{path}/rotate-secret", None, world.as_owner()).error == "conflict"
    world.call("POST", f"{path}/test", None, world.as_owner())
    got = receiver.received[-1]
    for secret in secrets:
        assert StandardWebhook(secret).verify(got.body.decode(), got.headers)
    current = hmac.new(secrets[-1].encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-webhook-signature"] == f"sha256={current}"
    world.clock.advance(24 * 3600 + 1)
    world.call("POST", f"{path}/test", None, world.as_owner())
    assert len(receiver.received[-1].headers["webhook-signature"].split()) == 1
    assert world.call("POST", f"{path}/rotate-secret", None, world.as_owner()).status == 200


def test_a_rotation_with_a_key_rotates_once(world: World) -> None:
    made = created(world)
    path = f"/webhooks/{made['webhook_id']}/rotate-secret"
    headers = {**world.as_owner(), "Idempotency-Key": "r1"}
    first, again = (world.call("POST", path, None, headers).json for _ in range(2))
    assert first == again


def test_there_is_a_most_of_webhooks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.api.webhooks.handlers.MOST_WEBHOOKS", 2)
    created(world), created(world)
    assert create(world).error == "conflict"
