"""Secrets of one site, made once and kept in files that only their owner reads."""

import base64
import secrets
from pathlib import Path


def load(data_dir: Path) -> dict[str, str]:
    """Setting → value; what is absent is made."""
    folder = data_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    key = folder / "kms.key"
    _once(key, base64.b64encode(secrets.token_bytes(32)).decode())
    return {
        "CURSOR_KEY": _once(folder / "cursor.key", secrets.token_hex(32)),
        "API_KEY_PEPPER": _once(folder / "api-key.pepper", secrets.token_hex(32)),
        "KMS_KEY": key.resolve().as_uri(),
    }


def _once(path: Path, value: str) -> str:
    """The file's text; written whole or not at all, so that a killed first start leaves no half key."""
    if not path.exists():
        write_private(path, value)
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Replaces the file, readable by its owner only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)
