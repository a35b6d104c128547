import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emulators.faults import Fault
from shared.domain.errors import ApiError
from shared.http import kit as kits
from shared.http.request import Headers
from tests.api.world import AUDIENCE, ISSUER, Answer, World


def validate(world: World, **headers: str) -> Answer:
    return world.call("GET", "/auth/validate", None, {name.replace("_", "-"): value for name, value in headers.items()})


def test_a_key_and_a_bearer_token_are_told_apart(world: World) -> None:
    key = validate(world, X_API_Key=world.as_key("write")["X-API-Key"]).json
    assert (key["valid"], key["auth_mode"], key["scopes"]) == (True, "api_key", ["write"])
    token = validate(world, **world.as_owner()).json
    assert (token["auth_mode"], token["user_id"]) == ("jwt", "ada")


def test_without_a_credential_nothing_is_told(world: World) -> None:
    answer = validate(world)
    assert (answer.status, answer.error) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_key_header_wins_over_authorization(world: World) -> None:
    owner = world.as_owner()
    assert validate(world, X_API_Key="sk_live_" + "0" * 48, **owner).status == 401
    assert validate(world, X_API_Key=world.as_key("read")["X-API-Key"], Authorization="Bearer x").status == 200


def test_a_key_may_come_as_bearer(world: World) -> None:
    assert validate(world, Authorization=f"bearer {world.as_key('read')['X-API-Key']}").json["auth_mode"] == "api_key"


def test_behind_a_gateway_the_forwarded_header_counts_and_only_there(world: World) -> None:
    sent = {"X-Forwarded-Authorization": f"Bearer {world.token()}", "Authorization": "Bearer the-gateway's-own"}
    with pytest.raises(ApiError, match="not valid"):
        world.kit.authenticator.caller(Headers(sent.items()))
    settings = replace(world.settings, forwarded_authorization=1)
    behind = kits.make(settings, world.store, fetch=lambda _: json.dumps(world.identity.jwks()).encode())
    assert behind.authenticator.caller(Headers(sent.items())).user_id == "ada"
    key = world.as_key("read")["X-API-Key"]
    assert behind.authenticator.caller(Headers({**sent, "X-Forwarded-Authorization": f"Bearer {key}"}.items())).key_id


@pytest.mark.parametrize(
    "key",
    ["", "x", "sk_live_", "sk_live_" + "a" * 47, "sk_live_" + "A" * 48, "sk_live_" + "g" * 48, "sk_live_" + "a" * 48, "é" * 56],
)
def test_a_key_of_any_other_shape_or_value_is_refused_alike(world: World, key: str) -> None:
    answer = validate(world, X_API_Key=key)
    assert (answer.status, answer.error) == (401, "unauthenticated")
    reference = validate(world, X_API_Key="sk_live_" + "b" * 48)
    assert answer.json["error"]["message"] == reference.json["error"]["message"]


def test_a_revoked_key_stops_within_five_seconds_where_it_is_cached(world: World) -> None:
    headers = world.as_key("read")
    other = world.kit.authenticator.keys._cache  # the cache of another instance would still hold it: keep what it holds
    assert validate(world, **headers).status == 200
    held = dict(other)
    key_id = validate(world, **headers).json["key_id"]
    world.call("POST", f"/api-keys/{key_id}/revoke", None, world.as_owner())
    other.update(held)
    assert validate(world, **headers).status == 200
    world.clock.advance(5)
    assert validate(world, **headers).status == 401


def test_an_expired_key_is_refused_even_while_it_is_cached(world: World) -> None:
    made = world.call("POST", "/api-keys", {"name": "short", "expires_in_days": 1}, world.as_owner()).json
    world.clock.advance(86_400 - 2)
    assert validate(world, X_API_Key=made["key"]).status == 200
    world.clock.advance(2)
    assert validate(world, X_API_Key=made["key"]).status == 401


def test_the_last_use_is_written_once_a_minute(world: World) -> None:
    headers = world.as_key("read")

    def last_used() -> Any:
        return world.call("GET", "/api-keys", None, world.as_owner()).json[0]["last_used_at"]

    validate(world, **headers)
    first = last_used()
    assert first is not None
    world.clock.advance(30)
    validate(world, **headers)
    assert last_used() == first
    world.clock.advance(31)
    validate(world, **headers)
    assert last_used() > first


def test_a_request_does_not_fail_for_the_note_of_its_keys_use(world: World) -> None:
    headers = world.as_key("read")
    world.faults.order(Fault("firestore.Commit", status=403))
    assert validate(world, **headers).status == 200


def test_the_database_holds_no_key_that_works(world: World) -> None:
    key = world.as_key("admin")["X-API-Key"]
    stored = [(d.id, d.to_dict()) for d in world.store.db.collection("api_keys_by_hash").stream()]
    assert key not in str(stored) and key[8:] not in str(stored)
    assert stored[0][0] == hmac.new(b"pepper", key.encode(), hashlib.sha256).hexdigest()


# --- bearer tokens


def forged(world: World, **changes: Any) -> dict[str, str]:
    """Claims of a good token with changes; None takes one away."""
    now = world.clock()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 300, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def signed(world: World, claims: dict[str, Any], **header: Any) -> str:
    kid, private = world.identity._signer
    return jwt.encode(claims, private, algorithm="RS256", headers={"kid": kid, **header})


def test_a_token_signed_by_the_issuer_is_taken(world: World) -> None:
    assert validate(world, Authorization=f"Bearer {signed(world, forged(world))}").status == 200
    listed = signed(world, forged(world, aud=["other", AUDIENCE]))
    assert validate(world, Authorization=f"Bearer {listed}").status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://issuer.test/"},
        {"iss": "https://issuer.tes"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"aud": "videovecto"},
        {"aud": ["other"]},
        {"aud": None},
        {"aud": {AUDIENCE: 1}},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1},
        {"nbf": 99_999_999_999},
        {"nbf": "later"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 300},
        {"tenant": "../other"},
        {"tenant": ""},
        {"tenant": 7},
        {"tenant": "shared-defaults"},
        {"padding": "x" * 9000},
    ],
    ids=lambda changes: next(f"{k}={str(v)[:12]}" for k, v in changes.items()),
)
def test_a_token_with_a_wrong_claim_is_refused(world: World, changes: dict[str, Any]) -> None:
    claims = forged(world, **changes)
    kid, private = world.identity._signer
    head = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    signature = jwt.get_algorithm_by_name("RS256").sign(head + b"." + body, private)
    token = b".".join([head, body, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
    answer = validate(world, Authorization=f"Bearer {token}")
    assert (answer.status, answer.error) == (401, "unauthenticated")


def public_pem(world: World) -> bytes:
    _, private = world.identity._signer
    return private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hand_made(world: World, header: dict[str, Any], key: bytes) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, forged(world))]
    mac = hmac.new(key, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


def test_a_token_that_brings_its_own_trust_is_refused(world: World) -> None:
    kid, _ = world.identity._signer
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = forged(world)
    tokens = [
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "secret" * 8, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "../../etc/passwd"}),
        jwt.encode(claims, stranger, algorithm="RS256"),
        hand_made(world, {"alg": "HS256", "kid": kid}, public_pem(world)),
        hand_made(world, {"alg": "HS256", "kid": kid}, json.dumps(world.identity.jwks()["keys"][0]).encode()),
        hand_made(world, {"alg": "none", "kid": kid}, b""),
        signed(world, claims, jku="https://evil.test/jwks"),
        signed(world, claims, jwk=world.identity.jwks()["keys"][0]),
        signed(world, claims, x5u="https://evil.test/cert"),
        signed(world, claims, x5c=["AAAA"]),
        signed(world, claims, crit=["exp"]),
        jwt.encode(claims, world.identity._signer[1], algorithm="RS512", headers={"kid": kid}),
        signed(world, claims)[:-4] + "AAAA",
        "a.b.c",
        "a.b",
        ".." ,
        "x" * 10_000,
    ]  # fmt: skip
    for token in tokens:
        assert validate(world, Authorization=f"Bearer {token}").status == 401, token[:60]


def test_clocks_may_differ_by_half_a_minute_and_no_more(world: World) -> None:
    now = world.clock()
    for changes, status in (
        ({"exp": now - 20}, 200),
        ({"exp": now - 40}, 401),
        ({"nbf": now + 20}, 200),
        ({"nbf": now + 40}, 401),
    ):
        assert validate(world, Authorization=f"Bearer {signed(world, forged(world, **changes))}").status == status


def test_made_up_key_ids_cause_no_flood_of_fetches(world: World) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = forged(world)
    for n in range(300):
        token = jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": f"made-up-{n}"})
        assert validate(world, Authorization=f"Bearer {token}").status == 401
    assert len(world.jwks_fetches) == 1


def test_a_new_key_of_the_issuer_is_learnt_within_a_minute(world: World) -> None:
    validate(world, **world.as_owner())
    world.identity.rotate()
    world.clock.advance(61)
    assert validate(world, **world.as_owner()).status == 200
    assert len(world.jwks_fetches) == 2


def test_one_subject_has_one_tenant_and_a_claim_may_name_a_shared_one(world: World) -> None:
    world.call("POST", "/indexes", {"name": "ours"}, {"Authorization": f"Bearer {world.token('ada', tenant='tnt_team')}"})
    mate = {"Authorization": f"Bearer {world.token('bob', tenant='tnt_team')}"}
    listed = world.call("GET", "/indexes", None, mate).json
    assert [(one["name"], one["user_id"]) for one in listed] == [("ours", "ada")]
    assert world.call("GET", "/indexes", None, world.as_owner("bob")).json == []
