"""The reference: the OpenAPI document, and a page that shows it and tries it out, without anything from elsewhere."""

import gzip
from functools import cache
from pathlib import Path
from typing import NotRequired

from typing_extensions import TypedDict

from shared.http.answers import Object
from shared.http.call import Call
from shared.http.request import Response

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_GUARDED = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
_CACHED = "public, max-age=300"


class HealthAnswer(TypedDict):
    """`parts` where several run side by side."""

    status: str
    parts: NotRequired[Object]


def page(call: Call[None], deps: None) -> Response:
    """Show the reference as a page with a form to try each operation"""
    return _file("page.html", "text/html; charset=utf-8", call)


def page_script(call: Call[None], deps: None) -> Response:
    """Retrieve the reference page's own script"""
    return _file("page.js", "text/javascript; charset=utf-8", call)


def viewer_script(call: Call[None], deps: None) -> Response:
    """Retrieve the viewer of the reference page (RapiDoc, MIT)"""
    return _file("rapidoc-min.js", "text/javascript; charset=utf-8", call)


def openapi(call: Call[None], deps: None) -> Response:
    """Retrieve this document"""
    return _file("openapi.json", "application/json", call)


def health(call: Call[None], deps: None) -> HealthAnswer:
    """Tell that the API answers"""
    return {"status": "ok"}


def _file(name: str, content_type: str, call: Call[None]) -> Response:
    packed = "gzip" in call.request.headers.get("Accept-Encoding").lower()
    headers = {"Content-Type": content_type, "Cache-Control": _CACHED, "Vary": "Accept-Encoding", **_GUARDED}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(200, headers, _content(name, packed))


@cache
def _content(name: str, packed: bool) -> bytes:
    content = (_HERE / name).read_bytes()
    return gzip.compress(content, mtime=0) if packed else content
