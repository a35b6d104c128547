"""The console's files: a page, its style, its scripts. What they show, the browser asks of the API as its reader."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from functions.api.console import static
from shared.config import Settings
from shared.domain.errors import ApiError, ErrorCode
from shared.http.call import Call
from shared.http.request import Response

_FOLDER = Path(static.__file__).parent
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8"}
_FILES = frozenset(file.name for file in _FOLDER.iterdir() if file.suffix in _TYPES)
_OBJECTS = "https://storage.googleapis.com"  # where signed addresses of pictures, films and upload sessions lead


@dataclass(frozen=True)
class Deps:
    """`policy` is the page's content security policy."""

    policy: str


def connect(settings: Settings) -> Deps:
    """The one foreign origin that the page may use is the object store's."""
    store = _origin(settings.storage_emulator_host) or _OBJECTS
    rules = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' data: blob: {store}",
        f"media-src 'self' blob: {store}",
        f"connect-src 'self' {store}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return Deps("; ".join(rules))


def page(call: Call[None], deps: Deps) -> Response:
    """Show the console, a page to look at everything and try everything"""
    return _answer(call, "page.html", "text/html; charset=utf-8", deps)


def file(call: Call[None], deps: Deps, file: str) -> Response:
    """Retrieve a script or style of the console"""
    if file not in _FILES:
        raise ApiError(ErrorCode.ROUTE_NOT_FOUND, "the console has no such file; it begins at /console")
    return _answer(call, file, _TYPES[Path(file).suffix], deps)


def _answer(call: Call[None], name: str, content_type: str, deps: Deps) -> Response:
    """Asked for again each time, and answered in one line where nothing changed: a new version is seen at once."""
    packed = "gzip" in call.request.headers.get("Accept-Encoding").lower()
    body, tag = content(name, packed, deps.policy)
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": deps.policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if tag in call.request.headers.get("If-None-Match"):
        return Response(304, headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(200, headers, body)


@cache
def content(name: str, packed: bool, policy: str) -> tuple[bytes, str]:
    """A file and its tag, which stands for the policy too: one that changed must reach a browser that has the file."""
    body = (_FOLDER / name).read_bytes()
    if packed:
        body = gzip.compress(body, mtime=0)
    return body, f'"{hashlib.sha256(body + policy.encode()).hexdigest()[:24]}"'


def _origin(address: str) -> str:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    return f"{parts.scheme}://{parts.netloc}" if address and parts.netloc else ""
