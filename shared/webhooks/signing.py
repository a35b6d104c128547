"""The bytes of a delivery, and both signatures over them.

The bytes sent are the canonical JSON itself, so a receiver that hashes what it received and one that parses and prints it again
as the reference shows come to the same signature. Standard Webhooks: https://www.standardwebhooks.com, version 1.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import Any

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def body_of(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, sort_keys=True).encode()


def hex_signature(secret: str, body: bytes) -> str:
    """`sha256=<hex>`, keyed with the secret's whole text."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>`, keyed with the bytes that the secret encodes."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
