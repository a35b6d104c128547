"""Bearer tokens that nobody issued, by an issuer of ES256 keys as well as RS256 ones; and what a storm of them costs."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from emulators.clock import ManualClock
from shared.config import Settings
from shared.domain.errors import ApiError, ErrorCode
from shared.http.auth import Tokens
from shared.http.jwks import Jwks

NOW = 1_780_000_000
ISSUER, AUDIENCE = "https://issuer.test", "videovector"
CURVE, OTHER_CURVE = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
PRIME = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = ec.generate_private_key(ec.SECP256R1())
STRANGE_PRIME = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": NOW, "exp": NOW + 300}


def public(key: Any, kid: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Issuer:
    """Publishes keys; counts how often it is asked."""

    def __init__(self) -> None:
        self.keys = [public(CURVE, "curve"), public(PRIME, "prime")]
        self.body: bytes | None = None
        self.asked = 0
        self.clock = ManualClock(NOW)
        settings = replace(
            Settings(project_id="p", jwt_issuer=ISSUER, jwt_audience=AUDIENCE, jwks_url=f"{ISSUER}/jwks"),
        )
        self.tokens = Tokens(settings, Jwks(f"{ISSUER}/jwks", self.now, self.fetch))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def fetch(self, url: str) -> bytes:
        self.asked += 1
        if self.body is not None:
            return self.body
        return json.dumps({"keys": self.keys}).encode()

    def takes(self, token: str) -> bool:
        try:
            self.tokens.check(token, self.now())
        except ApiError as error:
            assert error.code is ErrorCode.UNAUTHENTICATED, error.code
            return False
        return True


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def part(value: Any) -> bytes:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def mac(header: Any, key: bytes, claims: Any = CLAIMS) -> str:
    signed = part(header) + b"." + part(claims)
    return (signed + b"." + part(hmac.new(key, signed, hashlib.sha256).digest())).decode()


def unsigned(header: Any, claims: Any = CLAIMS, signature: bytes = b"") -> str:
    return (part(header) + b"." + part(claims) + b"." + signature).decode()


def curve(claims: dict[str, Any] = CLAIMS, **header: Any) -> str:
    return jwt.encode(claims, CURVE, algorithm="ES256", headers={"kid": "curve", **header})


def other(name: str) -> str:
    return curve({**CLAIMS, "sub": name}).split(".")[1]


HEAD, BODY, SIGNATURE = curve().split(".")
FORGED = {
    "none": unsigned({"alg": "none", "kid": "curve"}),
    "None": unsigned({"alg": "None", "kid": "curve"}),
    "NONE with a signature": unsigned({"alg": "NONE", "kid": "curve"}, signature=SIGNATURE.encode()),
    "no algorithm": unsigned({"kid": "curve"}, signature=SIGNATURE.encode()),
    "algorithm null": unsigned({"alg": None, "kid": "curve"}),
    "algorithm a list": unsigned({"alg": ["ES256"], "kid": "curve"}),
    "algorithm in lower case": unsigned({"alg": "es256", "kid": "curve"}, signature=SIGNATURE.encode()),
    "signature taken off": f"{HEAD}.{BODY}.",
    "signature of another body": f"{HEAD}.{other('eve')}.{SIGNATURE}",
    "signature of zeros": f"{HEAD}.{BODY}." + part(bytes(64)).decode(),
    "signature cut": f"{HEAD}.{BODY}.{SIGNATURE[:-8]}",
    "signature doubled": f"{HEAD}.{BODY}.{SIGNATURE}{SIGNATURE}",
    "signature in DER": f"{HEAD}.{BODY}." + part(CURVE.sign(f"{HEAD}.{BODY}".encode(), ec.ECDSA(hashes.SHA256()))).decode(),
    "another's curve": jwt.encode(CLAIMS, STRANGER, algorithm="ES256", headers={"kid": "curve"}),
    "another's prime": jwt.encode(CLAIMS, STRANGE_PRIME, algorithm="RS256", headers={"kid": "prime"}),
    "curve's key under prime's name": jwt.encode(CLAIMS, CURVE, algorithm="ES256", headers={"kid": "prime"}),
    "prime's key under curve's name": jwt.encode(CLAIMS, PRIME, algorithm="RS256", headers={"kid": "curve"}),
    "ES384": jwt.encode(CLAIMS, OTHER_CURVE, algorithm="ES384", headers={"kid": "curve"}),
    "RS512": jwt.encode(CLAIMS, PRIME, algorithm="RS512", headers={"kid": "prime"}),
    "PS256": jwt.encode(CLAIMS, PRIME, algorithm="PS256", headers={"kid": "prime"}),
    "public key as secret": mac({"alg": "HS256", "kid": "curve"}, pem(CURVE)),
    "public prime as secret": mac({"alg": "HS256", "kid": "prime"}, pem(PRIME)),
    "JWK as secret": mac({"alg": "HS256", "kid": "curve"}, json.dumps(public(CURVE, "curve")).encode()),
    "empty secret": mac({"alg": "HS256", "kid": "curve"}, b""),
    "mac named ES256": mac({"alg": "ES256", "kid": "curve"}, pem(CURVE)),
    "no key id": jwt.encode(CLAIMS, CURVE, algorithm="ES256"),
    "key id null": unsigned({"alg": "ES256", "kid": None}, signature=SIGNATURE.encode()),
    "key id a number": unsigned({"alg": "ES256", "kid": 7}, signature=SIGNATURE.encode()),
    "key id an object": unsigned({"alg": "ES256", "kid": {"a": 1}}, signature=SIGNATURE.encode()),
    "key id a path": jwt.encode(CLAIMS, STRANGER, algorithm="ES256", headers={"kid": "../../dev/null"}),
    "key id an address": jwt.encode(CLAIMS, STRANGER, algorithm="ES256", headers={"kid": "https://evil.test/jwks"}),
    "its own jwk": jwt.encode(CLAIMS, STRANGER, algorithm="ES256", headers={"kid": "x", "jwk": public(STRANGER, "x")}),
    "good but with jwk": curve(jwk=public(CURVE, "curve")),
    "good but with jku": curve(jku="https://evil.test/jwks"),
    "good but with x5u": curve(x5u="https://evil.test/cert"),
    "good but with x5c": curve(x5c=["AAAA"]),
    "good but with crit": curve(crit=["exp"]),
    "another issuer": curve({**CLAIMS, "iss": "https://issuer.test.evil"}),
    "issuer a list": unsigned({"alg": "ES256", "kid": "curve"}, {**CLAIMS, "iss": [ISSUER]}, SIGNATURE.encode()),
    "another audience": curve({**CLAIMS, "aud": "videovector2"}),
    "audience in parts": curve({**CLAIMS, "aud": list(AUDIENCE)}),
    "expired": curve({**CLAIMS, "exp": NOW - 31}),
    "never expires": curve({name: value for name, value in CLAIMS.items() if name != "exp"}),
    "not yet": curve({**CLAIMS, "nbf": NOW + 31}),
    "claims no object": unsigned({"alg": "ES256", "kid": "curve"}, ["ada"], SIGNATURE.encode()),
    "header no object": unsigned(["ES256"], CLAIMS, SIGNATURE.encode()),
    "header deep": unsigned(b"[" * 5_000),
    "header deep in a field": unsigned(b'{"alg":"ES256","kid":"curve","x":' + b"[" * 5_000),
    "header not text": unsigned(b"\xff\xfe"),
    "not base64": "%%%.%%%.%%%",
    "five parts": f"{HEAD}.{BODY}.{SIGNATURE}.{BODY}.{SIGNATURE}",
    "huge": curve({**CLAIMS, "padding": "x" * 9_000}),
    "nothing but dots": "...",
}


def test_what_the_issuer_signed_is_taken_by_either_algorithm(issuer: Issuer) -> None:
    assert issuer.takes(curve())
    assert issuer.takes(jwt.encode(CLAIMS, PRIME, algorithm="RS256", headers={"kid": "prime"}))


def test_there_are_forgeries_of_many_kinds() -> None:
    assert len(FORGED) >= 40


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(issuer: Issuer, name: str) -> None:
    assert not issuer.takes(FORGED[name])


def test_ten_thousand_made_up_key_ids_are_one_fetch(issuer: Issuer) -> None:
    """By the clock standing still; each further minute may fetch once."""
    signature = SIGNATURE.encode()
    for n in range(10_000):
        assert not issuer.takes(unsigned({"alg": "ES256", "kid": f"made-up-{n}"}, signature=signature))
    assert issuer.asked == 1
    for _ in range(3):
        issuer.clock.advance(61)
        for n in range(100):
            assert not issuer.takes(unsigned({"alg": "ES256", "kid": f"made-up-{n}"}, signature=signature))
    assert issuer.asked == 4


def test_a_new_key_is_learnt_and_an_old_one_forgotten(issuer: Issuer) -> None:
    assert issuer.takes(curve())
    issuer.keys = [public(STRANGER, "next")]
    issuer.clock.advance(61)
    claims = {**CLAIMS, "exp": NOW + 9_000}
    assert issuer.takes(jwt.encode(claims, STRANGER, algorithm="ES256", headers={"kid": "next"}))
    assert not issuer.takes(curve(claims))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"keys": 7}', b'{"keys": [7, null, "x"]}', b'{"keys": [{"kty": ["EC"]}]}', b"<html>"]
)
def test_an_issuer_that_answers_rubbish_is_away_and_its_keys_are_kept(issuer: Issuer, body: bytes) -> None:
    assert issuer.takes(curve())
    issuer.body = body
    issuer.clock.advance(3_601)
    claims = {**CLAIMS, "exp": NOW + 9_000}
    assert issuer.takes(curve(claims))
    assert issuer.asked == 2
    empty = Issuer()
    empty.body = body
    with pytest.raises(ApiError) as away:
        empty.tokens.check(curve(), empty.now())
    assert away.value.code is ErrorCode.UNAVAILABLE
