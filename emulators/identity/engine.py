"""What the issuer decides: whom it signs for, what a token says, and which assertions it believes."""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

from emulators.clock import Clock

from .keyring import Key, KeyRing, write_private

DEFAULT_ISSUER = "https://identity.videovector.local"
# Google's client puts this audience into its assertions whatever address it then sends them to.
GOOGLE_TOKEN_AUDIENCE = "https://oauth2.googleapis.com/token"
ACCESS_TOKEN_AUDIENCE = "https://www.googleapis.com/"
LIFETIME_S = 3600
SKEW_S = 300


class Refused(Exception):
    """An OAuth error; `code` is one of RFC 6749's, e.g. `invalid_grant`."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class Engine:
    """Issues RS256 tokens. `data_dir=None` keeps the keys in memory only; `issuer` outlives any port."""

    def __init__(self, data_dir: Path | None, clock: Clock, issuer: str = DEFAULT_ISSUER) -> None:
        self.issuer = issuer
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = KeyRing(None if data_dir is None else data_dir / "cloud" / "identity.json")
        if not self._keys.signing_keys():
            self._keys.add_signing_key(clock())
        self._signer = self._load_signer()

    def rotate(self) -> str:
        """Signs with a fresh key from now on and answers its id; tokens of older keys stay verifiable."""
        with self._lock:
            key = self._keys.add_signing_key(self._clock())
            self._signer = self._load_signer()
            return key.kid

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys, newest first."""
        return {"keys": [_public_jwk(key) for key in reversed(self._keys.signing_keys())]}

    def user_token(
        self,
        sub: str,
        audience: str,
        claims: Mapping[str, Any] | None = None,
        expires_in: int = LIFETIME_S,
    ) -> str:
        """A user's JWT. `claims` adds to the registered ones and never replaces them; `expires_in` is in seconds."""
        return self._sign({**(claims or {}), "sub": sub, "aud": audience}, expires_in)

    def oidc_token(self, audience: str, email: str) -> str:
        """The identity token with which a queue or a subscription calls `audience` as the account `email`."""
        subject = _account_number(email)
        said = {"sub": subject, "azp": subject, "aud": audience, "email": email, "email_verified": True}
        return self._sign(said, LIFETIME_S)

    def exchange(self, assertion: str, token_uri: str) -> dict[str, Any]:
        """A service account's signed assertion for an access token, or for an identity token if it names a target.

        Raises `Refused`. Only accounts for which `service_account_file` was called are known.
        """
        claims = self._verified(assertion, token_uri)
        email = claims["iss"]
        target = claims.get("target_audience")
        if target:
            return {"id_token": self.oidc_token(str(target), email)}
        said = {
            "sub": _account_number(email),
            "aud": ACCESS_TOKEN_AUDIENCE,
            "email": email,
            "scope": claims.get("scope", ""),
        }
        token = self._sign(said, LIFETIME_S)
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S}

    def service_account_file(
        self, path: Path, token_uri: str, email: str, project_id: str, universe: str = "googleapis.com"
    ) -> None:
        """Writes the key file that Google's clients load; the account keeps the same key whenever it is rewritten.

        In a `universe` that is not Google's own, its libraries look nothing up at Google's hosts in the background.
        """
        key = self._keys.ensure_account(email, self._clock())
        content = {
            "type": "service_account",
            "project_id": project_id,
            "private_key_id": key.kid,
            "private_key": key.private_pem,
            "client_email": email,
            "client_id": _account_number(email),
            "token_uri": token_uri,
            "universe_domain": universe,
        }
        write_private(path, json.dumps(content, indent=2))

    def public_key_pem(self, email: str) -> str | None:
        """The key that proves what the account signed; `None` if there is no such account."""
        key = self._keys.account_key(email)
        return None if key is None else key.public_pem()

    def _load_signer(self) -> tuple[str, Any]:
        newest = self._keys.signing_keys()[-1]
        return newest.kid, newest.private()

    def _sign(self, claims: dict[str, Any], lifetime: int) -> str:
        kid, private = self._signer
        now = int(self._clock())
        registered = {"iss": self.issuer, "iat": now, "exp": now + lifetime}
        return jwt.encode({**claims, **registered}, private, algorithm="RS256", headers={"kid": kid})

    def _verified(self, assertion: str, token_uri: str) -> dict[str, Any]:
        try:
            email = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
        except jwt.InvalidTokenError as wrong:
            raise Refused("invalid_grant", f"the assertion is not a JWT: {wrong}") from wrong
        pem = self.public_key_pem(email) if isinstance(email, str) else None
        if pem is None:
            raise Refused("invalid_grant", "the assertion's issuer is not a known service account")
        audiences = [GOOGLE_TOKEN_AUDIENCE, token_uri]
        # The times are checked below against the clock we are told, which PyJWT cannot be given.
        options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "iat", "exp"]}
        try:
            claims = jwt.decode(assertion, pem, algorithms=["RS256"], audience=audiences, options=options)
        except jwt.InvalidTokenError as wrong:
            raise Refused("invalid_grant", f"the assertion does not verify: {wrong}") from wrong
        self._check_times(claims)
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        issued, expires = claims["iat"], claims["exp"]
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise Refused("invalid_grant", "iat and exp must be numbers")
        now = self._clock()
        if issued > now + SKEW_S or expires < now - SKEW_S or not 0 < expires - issued <= LIFETIME_S:
            raise Refused("invalid_grant", "the assertion must be short-lived (60 minutes) and current")


def _public_jwk(key: Key) -> dict[str, Any]:
    public = RSAAlgorithm.to_jwk(key.private().public_key(), as_dict=True)
    return {"kid": key.kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": public["n"], "e": public["e"]}


def _account_number(email: str) -> str:
    """A service account's numeric subject, the same for the same e-mail every time."""
    return str(int.from_bytes(hashlib.sha256(email.encode()).digest()[:8]) % 10**21).zfill(21)
