"""Sealing what must not be readable in the database: AES-256-GCM under a data key that Cloud KMS, or a key file, wraps.

Associated data is the place of the secret (tenant and document), so a sealed text moved elsewhere does not open.
"""

import base64
import json
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.config import Settings

_NONCE_BYTES = 12
_KMS = "https://cloudkms.googleapis.com/v1"
_KMS_SECONDS = 10.0


class Unopenable(Exception):
    """The sealed text is damaged, from elsewhere, or its key is gone."""


class Wrapper(Protocol):
    """Encrypts data keys by a main key that never leaves its place."""

    def wrap(self, key: bytes, context: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes: ...


class FileKey:
    """A main key of 32 bytes, base64, in a file only the owner reads."""

    def __init__(self, path: Path) -> None:
        self._key = AESGCM(base64.b64decode(path.read_text().strip()))

    def wrap(self, key: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._key.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return self._key.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)


class KmsKey:
    """`projects/…/cryptoKeys/…` of Cloud KMS."""

    def __init__(self, name: str) -> None:
        import google.auth
        from google.auth.transport.requests import AuthorizedSession

        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloudkms"])
        self._session = AuthorizedSession(credentials)
        self._url = f"{_KMS}/{name}"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return self._call("encrypt", "plaintext", key, context, "ciphertext")

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return self._call("decrypt", "ciphertext", wrapped, context, "plaintext")

    def _call(self, verb: str, name: str, value: bytes, context: bytes, answer: str) -> bytes:
        body = {
            name: base64.b64encode(value).decode(),
            "additionalAuthenticatedData": base64.b64encode(context).decode(),
        }
        response = self._session.post(f"{self._url}:{verb}", json=body, timeout=_KMS_SECONDS)
        if response.status_code == 400 and verb == "decrypt":
            raise InvalidTag
        if response.status_code != 200:
            raise ConnectionError(f"Cloud KMS answered {response.status_code}")
        return base64.b64decode(response.json()[answer])


class Sealer:
    def __init__(self, wrapper: Wrapper) -> None:
        self._wrapper = wrapper

    def seal(self, secret: bytes, context: str) -> str:
        """One data key for each secret."""
        key, nonce, place = secrets.token_bytes(32), os.urandom(_NONCE_BYTES), context.encode()
        sealed = nonce + AESGCM(key).encrypt(nonce, secret, place)
        wrapped = self._wrapper.wrap(key, place)
        return json.dumps({"v": 1, "key": _text(wrapped), "body": _text(sealed)}, separators=(",", ":"))

    def open(self, sealed: str, context: str) -> bytes:
        """Raises `Unopenable`."""
        place = context.encode()
        try:
            parts = json.loads(sealed)
            key = self._wrapper.unwrap(base64.b64decode(parts["key"]), place)
            body = base64.b64decode(parts["body"])
            return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError, KeyError, TypeError) as error:
            raise Unopenable(context) from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def connect(settings: Settings) -> Sealer:
    if not settings.kms_key:
        raise ValueError("KMS_KEY is not set, so nothing can be sealed")
    if settings.kms_key.startswith("file://"):
        return Sealer(FileKey(Path(unquote(urlsplit(settings.kms_key).path))))
    return Sealer(KmsKey(settings.kms_key))
