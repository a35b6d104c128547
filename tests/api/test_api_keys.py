import re

from tests.api.world import World


def make(world: World, sub: str = "ada", **more: object) -> dict:
    made = world.call("POST", "/api-keys", {"name": "Production", **more}, world.as_owner(sub))
    assert made.status == 201, made.body
    return made.json


def test_a_key_is_shown_once_and_then_only_its_beginning(world: World) -> None:
    made = make(world, scopes=["read", "search", "read"], expires_in_days=90)
    assert re.fullmatch(r"sk_live_[0-9a-f]{48}", made["key"])
    assert made["scopes"] == ["read", "search"] and made["expires_at"] > made["created_at"]
    read = world.call("GET", f"/api-keys/{made['key_id']}", None, world.as_owner()).json
    assert "key" not in read and made["key"].startswith(read["key_prefix"]) and len(read["key_prefix"]) <= 12
    assert {**made, "key": None} == {**read, "key": None}
    assert world.call("GET", "/api-keys", None, world.as_owner()).json == [read]


def test_a_key_reads_unless_told_otherwise_and_does_not_expire(world: World) -> None:
    made = make(world)
    assert (made["scopes"], made["expires_at"]) == (["read"], None)


def test_wrong_wishes_for_a_key_are_refused_by_field(world: World) -> None:
    wrong = [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["root"]}, "scopes.0"),
        ({"name": "a", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "a", "expires_in_days": 366}, "expires_in_days"),
        ({"name": "a", "expires_in_days": "7"}, "expires_in_days"),
    ]
    for body, field in wrong:
        refused = world.call("POST", "/api-keys", body, world.as_owner())
        assert refused.status == 422
        assert [e["field"] for e in refused.json["error"]["details"]["errors"]] == [field]


def test_a_rotated_key_keeps_name_scopes_and_expiry_and_the_old_one_stops_at_once(world: World) -> None:
    old = make(world, scopes=["write"], expires_in_days=30)
    assert world.call("GET", "/auth/validate", None, {"X-API-Key": old["key"]}).status == 200
    rotated = world.call("POST", f"/api-keys/{old['key_id']}/rotate", None, world.as_owner()).json
    new = rotated["new_key"]
    assert rotated["old_key_id"] == old["key_id"] and new["key"] != old["key"]
    assert [new[k] for k in ("name", "scopes", "expires_at")] == [old[k] for k in ("name", "scopes", "expires_at")]
    assert world.call("GET", "/auth/validate", None, {"X-API-Key": old["key"]}).status == 401
    assert world.call("GET", "/auth/validate", None, {"X-API-Key": new["key"]}).status == 200
    again = world.call("POST", f"/api-keys/{old['key_id']}/rotate", None, world.as_owner())
    assert (again.status, again.error) == (409, "conflict")


def test_a_revoked_key_stays_listed_and_a_deleted_one_is_gone(world: World) -> None:
    one, other = make(world), make(world)
    revoked = world.call("POST", f"/api-keys/{one['key_id']}/revoke", None, world.as_owner()).json
    assert revoked["is_active"] is False and revoked["revoked_at"]
    assert world.call("POST", f"/api-keys/{one['key_id']}/revoke", None, world.as_owner()).json == revoked
    assert world.call("DELETE", f"/api-keys/{other['key_id']}", None, world.as_owner()).status == 200
    assert world.call("GET", "/auth/validate", None, {"X-API-Key": other["key"]}).status == 401
    listed = world.call("GET", "/api-keys", None, world.as_owner()).json
    assert [key["key_id"] for key in listed] == [one["key_id"]]
    assert world.call("DELETE", f"/api-keys/{other['key_id']}", None, world.as_owner()).error == "api_key_not_found"


def test_no_key_however_mighty_handles_keys(world: World) -> None:
    refused = world.call("GET", "/api-keys", None, world.as_key("admin"))
    assert (refused.status, refused.error) == (403, "jwt_required")


def test_a_client_announces_its_work_and_is_answered_with_an_object(world: World) -> None:
    body = {"event_id": "e1", "surface": "sdk", "reason": "authentication"}
    answer = world.call("POST", "/auth/processing-activity", body, world.as_key("search"))
    assert answer.status == 200 and answer.json["event_id"] == "e1"
    assert world.call("POST", "/auth/processing-activity", {}, world.as_key("search")).status == 422
