"""Who asks: an API key, or the owner's JWT. Each check says *not mine* (None), *bad* (raises 401) or *valid* (a caller)."""

import re
import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

import jwt
from google.api_core import exceptions as google_errors

from shared import logging
from shared.config import Settings
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.ids import derived_id
from shared.domain.keys import KEY_PREFIX, ApiKey, is_secret, secret_hash
from shared.domain.sharing import SHARED_TENANT
from shared.http.call import Caller
from shared.http.jwks import Jwks, JwksUnavailable
from shared.http.request import Headers
from shared.store.documents import Changed, Store

CACHED = timedelta(seconds=5)
_MAX_CACHED = 10_000
_TOUCH_EVERY = timedelta(minutes=1)
_MAX_TOKEN_CHARS = 8 * 1024
_SKEW_SECONDS = 30
_ALGORITHMS = ["RS256", "ES256"]
_FOREIGN_KEYS = frozenset({"jwk", "jku", "x5u", "x5c", "crit"})  # headers by which a token would bring its own trust
_TENANT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
OWNER_SCOPES = frozenset({"search", "read", "write", "admin"})


class ApiKeys:
    """Keys by the hash of the credential; a key stays cached for 5 s, which is how long a revoked one may still work."""

    def __init__(self, store: Store, pepper: str) -> None:
        self._store = store
        self._pepper = pepper
        self._cache: OrderedDict[str, tuple[ApiKey, datetime]] = OrderedDict()
        self._touched: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def check(self, credential: str) -> Caller:
        now = self._store.clock()
        key = self._find(credential, now) if is_secret(credential) else None
        if key is None or not key.is_active(now):
            raise _refused("the API key is not valid, was revoked or has expired")
        self._touch(key, now)
        return Caller(key.tenant, key.user_id, frozenset(key.scopes), key_id=key.key_id)

    def _find(self, credential: str, now: datetime) -> ApiKey | None:
        hashed = secret_hash(self._pepper, credential)
        with self._lock:
            cached = self._cache.get(hashed)
        if cached is not None and cached[1] > now:
            return cached[0]
        key = self._store.get(ApiKey, hashed)
        with self._lock:
            self._cache.pop(hashed, None)
            if key is not None:
                self._cache[hashed] = (key, now + CACHED)
                while len(self._cache) > _MAX_CACHED:
                    self._cache.popitem(last=False)
        return key

    def forget(self, key_hash: str) -> None:
        """A revoked key stops working at once in the process that revoked it."""
        with self._lock:
            self._cache.pop(key_hash, None)

    def _touch(self, key: ApiKey, now: datetime) -> None:
        """Writes `last_used_at` at most once a minute; a request never fails for it."""
        last = self._touched.get(key.key_hash) or key.last_used_at
        if last is not None and now - last < _TOUCH_EVERY:
            return
        with self._lock:
            if len(self._touched) > _MAX_CACHED:
                self._touched.clear()
            self._touched[key.key_hash] = now
        batch = self._store.batch()
        batch.change(key, fenced=False, last_used_at=now)
        try:
            batch.commit()
        except (Changed, google_errors.GoogleAPICallError) as error:
            logging.warning("last use of a key not written", key_id=key.key_id, reason=type(error).__name__)


class Tokens:
    """JWTs of one issuer for one audience, by keys we fetch ourselves."""

    def __init__(self, settings: Settings, jwks: Jwks) -> None:
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._jwks = jwks
        self._forwarded = bool(settings.forwarded_authorization)

    def sent_in(self, headers: Headers) -> str:
        """The caller's `Authorization`. A gateway puts its own token there and moves the caller's, whatever that is; where none
        stands before us, the other header is anybody's."""
        return (headers.get("X-Forwarded-Authorization") if self._forwarded else "") or headers.get("Authorization")

    def check(self, token: str, now: datetime) -> Caller:
        claims = self._claims(token, now)
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject or len(subject) > 255:
            raise _refused("the token names no subject")
        tenant = claims.get("tenant")
        if tenant is None:
            tenant = derived_id("tenant", self._issuer, subject)
        elif not isinstance(tenant, str) or not _TENANT.match(tenant) or tenant == SHARED_TENANT:
            raise _refused("the token's tenant is not valid")
        return Caller(tenant, subject, OWNER_SCOPES, is_jwt=True)

    def _claims(self, token: str, now: datetime) -> dict[str, Any]:
        if not (self._issuer and self._audience) or len(token) > _MAX_TOKEN_CHARS:
            raise _refused("the bearer token is not valid")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS or _FOREIGN_KEYS & set(header):
                raise _refused("the bearer token is not valid")
            key = self._jwks.key(str(header.get("kid", "")), header["alg"])
            if key is None:
                raise _refused("the bearer token is signed by an unknown key")
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                issuer=self._issuer,
                options={
                    "require": ["exp", "sub", "iss", "aud"],
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise _refused("the bearer token is not valid") from error
        except JwksUnavailable as error:
            raise ApiError(ErrorCode.UNAVAILABLE, "the issuer's keys cannot be fetched right now", retry_after=5) from error
        self._check_claims(claims, now.timestamp())
        return claims

    def _check_claims(self, claims: dict[str, Any], now: float) -> None:
        # By our own clock, which tests move; the audience must be this one alone or one of a plain list of texts.
        audience = claims["aud"]
        audiences = audience if isinstance(audience, list) else [audience]
        if self._audience not in audiences:
            raise _refused("the bearer token is meant for another audience")
        expires, begins = claims["exp"], claims.get("nbf", 0)
        if not _is_time(expires) or not _is_time(begins):
            raise _refused("the bearer token is not valid")
        if expires + _SKEW_SECONDS <= now:
            raise _refused("the bearer token has expired")
        if begins - _SKEW_SECONDS > now:
            raise _refused("the bearer token is not valid yet")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Authenticator:
    def __init__(self, store: Store, keys: ApiKeys, tokens: Tokens) -> None:
        self.keys = keys
        self._store = store
        self._tokens = tokens

    def caller(self, headers: Headers) -> Caller:
        """Raises 401 unless a valid credential was sent. `X-API-Key` wins over `Authorization`."""
        found = self._by_key(headers) or self._by_bearer(headers)
        if found is None:
            raise _refused("no credential was sent")
        return found

    def _by_key(self, headers: Headers) -> Caller | None:
        if "X-API-Key" not in headers:
            return None
        return self.keys.check(headers.get("X-API-Key").strip())

    def _by_bearer(self, headers: Headers) -> Caller | None:
        scheme, _, token = self._tokens.sent_in(headers).strip().partition(" ")
        if not scheme:
            return None
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _refused("Authorization must be: Bearer <token>")
        if token.startswith(KEY_PREFIX):
            return self.keys.check(token)
        return self._tokens.check(token, self._store.clock())


def _refused(message: str) -> ApiError:
    return ApiError(ErrorCode.UNAUTHENTICATED, message)
