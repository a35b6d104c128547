"""Cursors: opaque to clients, signed, and good only for the listing that issued them."""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from shared.domain.errors import ApiError, ErrorCode

_MAC_BYTES = 16
_MAX_CHARS = 4096


class Cursors:
    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"cursor\x00" + key.encode()).digest()

    def encode(self, listing: str, position: list[Any]) -> str:
        """`listing` names what is listed, for whom and by which filters; `position` holds strings, numbers and times."""
        body = json.dumps([_dump(value) for value in position], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(listing, body) + body).rstrip(b"=").decode()

    def decode(self, listing: str, cursor: str) -> list[Any]:
        """The position; 400 for anything this listing did not issue."""
        try:
            if len(cursor) > _MAX_CHARS:
                raise ValueError("too long")
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if not hmac.compare_digest(mac, self._mac(listing, body)):
                raise ValueError("not ours")
            return [_load(value) for value in json.loads(body)]
        except (ValueError, binascii.Error) as error:
            raise ApiError(ErrorCode.INVALID_CURSOR, "the cursor does not belong to this listing") from error

    def _mac(self, listing: str, body: bytes) -> bytes:
        return hmac.digest(self._key, listing.encode() + b"\x00" + body, "sha256")[:_MAC_BYTES]


def _dump(value: Any) -> Any:
    return {"t": value.isoformat()} if isinstance(value, datetime) else value


def _load(value: Any) -> Any:
    return datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value
