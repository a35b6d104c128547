"""What every family's app stands on besides its own dependencies."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from shared import secrets
from shared.config import Settings
from shared.domain.clock import Clock
from shared.http import jwks
from shared.http.auth import ApiKeys, Authenticator, Tokens
from shared.store import documents
from shared.store.documents import Store
from shared.store.idempotency import Idempotency


@dataclass(frozen=True)
class Kit:
    authenticator: Authenticator
    idempotency: Idempotency
    clock: Clock
    upload_limit_bytes: int


def make(settings: Settings, store: Store, *, fetch: jwks.Fetch = jwks.fetch, sleep: Callable[[float], None] = time.sleep) -> Kit:
    """A kit over this store, with the clock of the store."""
    tokens = Tokens(settings, jwks.Jwks(settings.jwks_url, store.clock, fetch))
    return Kit(
        authenticator=Authenticator(store, ApiKeys(store, settings.api_key_pepper), tokens),
        idempotency=Idempotency(store, lambda: secrets.connect(settings), sleep),
        clock=store.clock,
        upload_limit_bytes=settings.upload_limit_bytes,
    )


@cache
def connect(settings: Settings) -> Kit:
    """One for the process, so that all families in it share the credential cache."""
    return make(settings, documents.connect(settings))
