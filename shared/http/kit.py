"""What every family's app stands on besides its own dependencies."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from shared import secrets
from shared.config import MissingSettings, Settings
from shared.domain.clock import Clock
from shared.domain.limits import STANDARD, Plan, parse_plan
from shared.http import jwks
from shared.http.auth import ApiKeys, Authenticator, Tokens
from shared.limits.charging import Limits
from shared.store import documents
from shared.store.documents import Store
from shared.store.idempotency import Idempotency
from shared.usage.meter import Meter, flushed_at_exit


@dataclass(frozen=True)
class Kit:
    authenticator: Authenticator
    idempotency: Idempotency
    limits: Limits
    meter: Meter
    clock: Clock
    upload_limit_bytes: int


def make(
    settings: Settings, store: Store, *, fetch: jwks.Fetch | None = None, sleep: Callable[[float], None] = time.sleep
) -> Kit:
    """A kit over this store, with the clock of the store."""
    tokens = Tokens(settings, jwks.Jwks(settings.jwks_url, store.clock, fetch or _fetching(settings)))
    return Kit(
        authenticator=Authenticator(store, ApiKeys(store, settings.api_key_pepper), tokens),
        idempotency=Idempotency(store, lambda: secrets.connect(settings), sleep),
        limits=Limits(store, _standard_plan(settings)),
        meter=Meter(store),
        clock=store.clock,
        upload_limit_bytes=settings.upload_limit_bytes,
    )


def _standard_plan(settings: Settings) -> Plan:
    try:
        return parse_plan(settings.rate_limits, STANDARD.plan_id, STANDARD)
    except ValueError as error:
        raise MissingSettings(f"RATE_LIMITS: {error}") from error


def _fetching(settings: Settings) -> jwks.Fetch:
    def fetch(url: str) -> bytes:
        from shared.egress import client  # only where a token is the credential is an HTTP client needed

        return client.connect(settings).fetch(url)

    return fetch


@cache
def connect(settings: Settings) -> Kit:
    """One for the process, so that all families in it share the credential cache."""
    kit = make(settings, documents.connect(settings))
    flushed_at_exit(kit.meter)
    return kit
