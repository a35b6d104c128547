"""RSA keys kept in one private file: those that sign tokens, and one for each service account."""

import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Key:
    """A private RSA key in PEM and the id tokens name it by; `created` is in seconds since the epoch."""

    kid: str
    private_pem: str
    created: float

    @classmethod
    def generate(cls, created: float) -> "Key":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return cls(kid=secrets.token_hex(20), private_pem=pem.decode(), created=created)

    def private(self) -> rsa.RSAPrivateKey:
        loaded = serialization.load_pem_private_key(self.private_pem.encode(), password=None)
        assert isinstance(loaded, rsa.RSAPrivateKey)
        return loaded

    def public_pem(self) -> str:
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private().public_key().public_bytes(encoding, form).decode()


@dataclass
class _Content:
    signing: list[Key] = field(default_factory=list)
    accounts: dict[str, Key] = field(default_factory=dict)


class KeyRing:
    """The keys of one installation. What it hands out has been written to disk before."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._content = self._load()

    def signing_keys(self) -> list[Key]:
        """Oldest first; the last one signs, the others still verify."""
        with self._lock:
            return list(self._content.signing)

    def add_signing_key(self, created: float) -> Key:
        with self._lock:
            key = Key.generate(created)
            self._content.signing.append(key)
            self._save()
            return key

    def account_key(self, email: str) -> Key | None:
        with self._lock:
            return self._content.accounts.get(email)

    def ensure_account(self, email: str, created: float) -> Key:
        """The account's key, made on first use."""
        with self._lock:
            key = self._content.accounts.get(email)
            if key is None:
                key = self._content.accounts[email] = Key.generate(created)
                self._save()
            return key

    def _load(self) -> _Content:
        if self._path is None or not self._path.exists():
            return _Content()
        stored = json.loads(self._path.read_text())
        return _Content(
            signing=[Key(**key) for key in stored["signing"]],
            accounts={email: Key(**key) for email, key in stored["accounts"].items()},
        )

    def _save(self) -> None:
        if self._path is not None:
            write_private(self._path, json.dumps(asdict(self._content), indent=1))


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step; nobody but its owner can ever read it, not even while it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
