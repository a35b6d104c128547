"""MD5 and CRC32C: computed while bytes pass, and compared with what the sender declared."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import google_crc32c

from .errors import StorageError, invalid


class Checksums:
    """Both sums of the bytes seen so far, in base64 as the service writes them."""

    def __init__(self) -> None:
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = google_crc32c.Checksum()

    def update(self, data: bytes) -> None:
        self.size += len(data)
        self._md5.update(data)
        self._crc32c.update(data)

    @property
    def md5(self) -> str:
        return base64.b64encode(self._md5.digest()).decode()

    @property
    def crc32c(self) -> str:
        return base64.b64encode(self._crc32c.digest()).decode()


@dataclass(frozen=True)
class Declared:
    """The sums a sender promised; `None` where it promised nothing."""

    md5: str | None = None
    crc32c: str | None = None

    @classmethod
    def from_resource(cls, resource: Mapping[str, Any]) -> "Declared":
        return cls(md5=resource.get("md5Hash"), crc32c=resource.get("crc32c"))

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Declared":
        """Reads `X-Goog-Hash: crc32c=…,md5=…` and `Content-MD5`."""
        found: dict[str, str] = {}
        for part in headers.get("x-goog-hash", "").split(","):
            name, _, value = part.strip().partition("=")
            if name:
                found[name.lower()] = value
        return cls(md5=headers.get("content-md5") or found.get("md5"), crc32c=found.get("crc32c"))

    def or_else(self, other: "Declared") -> "Declared":
        return Declared(self.md5 or other.md5, self.crc32c or other.crc32c)

    def verify(self, sums: Checksums) -> None:
        """Raises the service's 400 if a promised sum is not that of the bytes received."""
        for name, promised, computed in (("MD5", self.md5, sums.md5), ("CRC32C", self.crc32c, sums.crc32c)):
            if promised is None:
                continue
            try:
                base64.b64decode(promised, validate=True)
            except binascii.Error as wrong:
                raise invalid(f"The {name} given is not base64.", "InvalidDigest") from wrong
            if promised != computed:
                message = f"Provided {name} hash {promised} doesn't match calculated {name} hash {computed}."
                raise StorageError(400, "invalid", message, "BadDigest")
