"""The issuer, as google.auth and PyJWT see it."""

import stat
from collections.abc import Iterator
from pathlib import Path

import google.auth
import google.auth.transport.requests
import jwt
import pytest
import requests
from google.oauth2 import service_account

from emulators.clock import ManualClock, MovableClock
from emulators.faults import Fault, Faults
from emulators.identity.engine import Engine, Refused
from emulators.identity.server import Server, serve

EMAIL = "pusher@demo.iam.gserviceaccount.com"
ISSUER = "https://identity.example"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def engine(data_dir: Path) -> Engine:
    return Engine(data_dir, MovableClock(), ISSUER)


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def server(engine: Engine, faults: Faults) -> Iterator[Server]:
    running = serve(engine, faults)
    yield running
    running.stop()


@pytest.fixture
def account_file(engine: Engine, server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "account.json"
    engine.service_account_file(path, f"{server.url}/token", EMAIL, "demo")
    return path


def verify(server: Server, token: str, audience: str) -> dict:
    key = jwt.PyJWKClient(f"{server.url}/jwks").get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, issuer=ISSUER)


def test_googles_default_credentials_get_an_access_token(server, account_file, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account_file))
    credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    answer = google.auth.transport.requests.AuthorizedSession(credentials).get(f"{server.url}/jwks")
    assert (answer.status_code, project) == (200, "demo")
    claims = verify(server, credentials.token, "https://www.googleapis.com/")
    assert (claims["email"], claims["scope"]) == (EMAIL, "https://www.googleapis.com/auth/cloud-platform")


def test_googles_identity_credentials_get_a_token_for_their_target(server, account_file):
    credentials = service_account.IDTokenCredentials.from_service_account_file(
        str(account_file), target_audience="https://api.example/stage"
    )
    credentials.refresh(google.auth.transport.requests.Request())
    claims = verify(server, credentials.token, "https://api.example/stage")
    assert claims["email"] == EMAIL and claims["email_verified"] is True


def test_the_token_a_queue_pushes_with_names_account_and_audience(server, engine):
    claims = verify(server, engine.oidc_token("https://stage.example", EMAIL), "https://stage.example")
    assert claims["email"] == EMAIL and claims["iss"] == ISSUER


def test_a_token_for_one_audience_is_refused_for_another(server, engine):
    with pytest.raises(jwt.InvalidAudienceError):
        verify(server, engine.oidc_token("https://one.example", EMAIL), "https://two.example")


def test_tokens_signed_before_a_rotation_still_verify(server, engine):
    before = engine.user_token("ada", "app")
    kid = engine.rotate()
    after = engine.user_token("ada", "app")
    assert jwt.get_unverified_header(after)["kid"] == kid != jwt.get_unverified_header(before)["kid"]
    assert [verify(server, token, "app")["sub"] for token in (before, after)] == ["ada", "ada"]


def test_keys_and_accounts_survive_a_restart(data_dir, engine):
    token, pem = engine.user_token("ada", "app"), engine.public_key_pem(EMAIL)
    again = Engine(data_dir, MovableClock(), ISSUER)
    assert again.jwks() == engine.jwks() and again.public_key_pem(EMAIL) == pem
    key = jwt.PyJWKSet.from_dict(again.jwks())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key.key, algorithms=["RS256"], audience="app")["sub"] == "ada"


def test_private_keys_are_readable_by_their_owner_only(data_dir, account_file):
    for path in (data_dir / "cloud" / "identity.json", account_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_extra_claims_never_replace_the_registered_ones():
    engine = Engine(None, ManualClock(), ISSUER)
    token = engine.user_token("ada", "app", {"iss": "https://evil.example", "sub": "eve", "exp": 1, "role": "owner"})
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["sub"], claims["role"]) == (ISSUER, "ada", "owner")
    assert claims["exp"] - claims["iat"] == 3600


def test_the_discovery_document_leads_to_the_keys(server, engine):
    document = requests.get(f"{server.url}/.well-known/openid-configuration", timeout=5).json()
    assert document["issuer"] == ISSUER
    assert requests.get(document["jwks_uri"], timeout=5).json() == engine.jwks()


def test_a_user_token_carries_what_was_asked_for(server):
    wanted = {"sub": "ada", "email": "ada@example.com", "tenant": "t1", "expires_in": 60}
    answer = requests.post(f"{server.url}/users/token", json=wanted, timeout=5).json()
    claims = verify(server, answer["access_token"], "videovector")
    assert (claims["sub"], claims["email"], claims["tenant"]) == ("ada", "ada@example.com", "t1")
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example", "Content-Type": "application/json"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_a_web_page_cannot_mint_a_user_token(server, headers, status):
    answer = requests.post(f"{server.url}/users/token", data='{"sub": "ada"}', headers=headers, timeout=5)
    assert answer.status_code == status and "access_token" not in answer.json()


def assertion(engine: Engine, path: Path, **changes: object) -> str:
    engine.service_account_file(path, "http://127.0.0.1:1/token", EMAIL, "demo")
    info = service_account.Credentials.from_service_account_file(str(path))
    now = 1_700_000_000
    claims = {"iss": EMAIL, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600, **changes}
    return google.auth.jwt.encode(info.signer, claims).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "stranger@demo.iam.gserviceaccount.com"},
        {"aud": "https://elsewhere.example/token"},
        {"iat": 1_699_990_000, "exp": 1_699_993_600},
        {"iat": 1_700_009_000, "exp": 1_700_012_600},
        {"exp": 1_700_090_000},
        {"exp": None},
    ],
    ids=["unknown account", "other audience", "expired", "from the future", "too long-lived", "no expiry"],
)
def test_a_bad_assertion_buys_nothing(tmp_path, changes):
    engine = Engine(None, ManualClock(), ISSUER)
    with pytest.raises(Refused):
        engine.exchange(assertion(engine, tmp_path / "account.json", **changes), "http://127.0.0.1:1/token")


def test_an_assertion_signed_by_another_key_buys_nothing(tmp_path):
    engine, other = Engine(None, ManualClock(), ISSUER), Engine(None, ManualClock(), ISSUER)
    good = assertion(engine, tmp_path / "account.json")
    assert engine.exchange(good, "http://127.0.0.1:1/token")["token_type"] == "Bearer"
    with pytest.raises(Refused):
        engine.exchange(assertion(other, tmp_path / "other.json"), "http://127.0.0.1:1/token")


def test_an_ordered_failure_strikes_once(server, faults):
    faults.order(Fault("identity.Jwks", status=503))
    assert [requests.get(f"{server.url}/jwks", timeout=5).status_code for _ in range(2)] == [503, 200]


def test_another_grant_type_is_refused_in_oauths_words(server):
    answer = requests.post(f"{server.url}/token", data={"grant_type": "refresh_token"}, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
