"""The key file of a Google service account, taken apart: it comes from a stranger, and Google's libraries would do what it says.

A key file can name where its token is fetched and even a program to run (`external_account`). Only who the account is and what it
signs with are kept; everything else is dropped.
"""

import json
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.domain.errors import ApiError, invalid

_FIELD = "credentials_file"
_EMAIL = re.compile(r"^[a-z0-9][a-z0-9.:_-]{0,100}@[a-z0-9][a-z0-9.-]{0,100}\.gserviceaccount\.com$")
_KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,128}$")
_MOST_KEY_CHARS = 4_000  # of an RSA key of 4,096 bits; a larger one only costs time
_LEAST_BITS = 2_048


def parsed(text: str | bytes) -> dict[str, str]:
    """Raises the API's 422, which says what is wrong and repeats nothing of the file."""
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("this is no JSON; download the key of a service account as JSON") from None
    return checked(key)


def checked(key: Any) -> dict[str, str]:
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise _wrong("only the key of a service account is taken, with type service_account")
    if key.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise _wrong("universe_domain is another one than googleapis.com")
    email, private_key, key_id = key.get("client_email"), key.get("private_key"), key.get("private_key_id")
    if not isinstance(email, str) or not _EMAIL.match(email):
        raise _wrong("client_email is not that of a service account")
    if not isinstance(private_key, str) or not 1 <= len(private_key) <= _MOST_KEY_CHARS:
        raise _wrong("private_key is missing or too long")
    if not isinstance(key_id, str) or not _KEY_ID.match(key_id):
        raise _wrong("private_key_id is missing")
    _check_key(private_key)
    return {"client_email": email, "private_key": private_key, "private_key_id": key_id}


def _check_key(pem: str) -> None:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except Exception:
        raise _wrong("private_key is not a PEM key without a password") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise _wrong(f"private_key is not an RSA key of {_LEAST_BITS} bits or more")


def _wrong(message: str) -> ApiError:
    return invalid(_FIELD, message)
