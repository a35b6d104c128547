"""The issuer's public keys, fetched by us from one configured address, seldom, and kept while the issuer is away."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt

from shared import logging
from shared.domain.clock import Clock
from shared.egress.dialing import Unreachable
from shared.egress.urls import Refused

_REFRESH_AFTER = timedelta(hours=1)
_AT_MOST_EVERY = timedelta(seconds=60)  # however many unknown key ids strangers make up
_STALE_FOR = timedelta(hours=24)
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 50


class JwksUnavailable(Exception):
    """No keys are known and the issuer does not answer."""


Fetch = Callable[[str], bytes]


class Jwks:
    def __init__(self, url: str, clock: Clock, fetch: Fetch) -> None:
        self._url = url
        self._clock = clock
        self._fetch = fetch
        self._keys: dict[tuple[str, str], Any] = {}
        self._fetched: datetime | None = None
        self._tried: datetime | None = None
        self._lock = threading.Lock()

    def key(self, kid: str, algorithm: str) -> Any | None:
        """The key of this id for this algorithm, or None. One fetch at a time, at most one a minute."""
        now = self._clock()
        found = self._keys.get((kid, algorithm))
        if found is not None and self._fetched is not None and now - self._fetched < _REFRESH_AFTER:
            return found
        with self._lock:
            self._refresh(self._clock())
        if self._fetched is None or now - self._fetched > _STALE_FOR:
            raise JwksUnavailable
        return self._keys.get((kid, algorithm))

    def _refresh(self, now: datetime) -> None:
        if not self._url or (self._tried is not None and now - self._tried < _AT_MOST_EVERY):
            return
        self._tried = now
        try:
            self._keys = _read(self._fetch(self._url))
            self._fetched = now
        except (OSError, ValueError, Refused, Unreachable) as error:
            logging.warning("issuer's keys not fetched", reason=type(error).__name__)


def _read(body: bytes) -> dict[tuple[str, str], Any]:
    """Only asymmetric signing keys; each is bound to its one algorithm."""
    if len(body) > _MAX_BYTES:
        raise ValueError("too large")
    keys: dict[tuple[str, str], Any] = {}
    published = json.loads(body)
    listed = published.get("keys") if isinstance(published, dict) else None
    for one in listed[:_MAX_KEYS] if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(one.get("kty", "")))
        if algorithm is None or one.get("alg", algorithm) != algorithm:
            continue
        try:
            keys[(str(one.get("kid", "")), algorithm)] = jwt.PyJWK(one, algorithm=algorithm).key
        except jwt.PyJWTError:
            continue  # one damaged key does not take the others away
    if not keys:
        raise ValueError("no usable key")
    return keys
