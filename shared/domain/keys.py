"""API keys: the credential itself is never stored, only its keyed hash."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from shared.domain.documents import Document

KEY_PREFIX = "sk_live_"
_KEY = re.compile(r"^sk_live_[0-9a-f]{48}$")
SHOWN_CHARS = len(KEY_PREFIX) + 4  # enough to tell one's own keys apart, useless for guessing


@dataclass(kw_only=True)
class ApiKey(Document):
    """Found by the hash of the credential, outside of every tenant, since the credential is what names the tenant."""

    PATH: ClassVar[str] = "api_keys_by_hash/{key_hash}"

    key_hash: str
    tenant: str
    user_id: str
    key_id: str
    key_prefix: str
    name: str
    scopes: list[str] = field(default_factory=list)
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def new_secret() -> str:
    return KEY_PREFIX + secrets.token_hex(24)


def is_secret(text: str) -> bool:
    return bool(_KEY.match(text))


def secret_hash(pepper: str, secret: str) -> str:
    """192 random bits need no slow hash; the pepper keeps a stolen database from being tested against."""
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()
