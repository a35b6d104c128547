"""Whether a request was meant for this server: a page in a browser that was led here under another name is turned away."""

from urllib.parse import urlsplit

from shared.domain.errors import ApiError, ErrorCode
from shared.http.request import Headers

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_GATEWAYS_CALL = (".run.app", ".cloudfunctions.net")  # the function's own names, by which only a gateway calls it


def check_origin(headers: Headers, base_url: str, forwarded: bool) -> None:
    """Raises 421 for another host than ours and 403 for a page of another origin. Programs send no Origin."""
    ours = urlsplit(base_url)
    host = urlsplit("//" + headers.get("Host"))
    if not _is_ours(_name(host.netloc), ours.hostname or "", forwarded):
        raise ApiError(ErrorCode.HOST_REFUSED, "this endpoint is not served under the name in Host")
    origin = headers.get("Origin").strip()
    if not origin:
        return
    page = urlsplit(origin)
    both_local = _name(page.netloc) in _LOOPBACK and (ours.hostname or "") in _LOOPBACK
    if page.scheme not in ("http", "https") or not (both_local or (page.scheme, page.netloc) == (ours.scheme, ours.netloc)):
        raise ApiError(ErrorCode.ORIGIN_REFUSED, "pages of this origin may not call this endpoint")


def _name(netloc: str) -> str:
    """The host's name without port or user; nothing where there is none."""
    try:
        return (urlsplit("//" + netloc).hostname or "") if "@" not in netloc else ""
    except ValueError:
        return ""


def _is_ours(name: str, ours: str, forwarded: bool) -> bool:
    if name == ours.lower() and name:
        return True
    if ours in _LOOPBACK:
        return name in _LOOPBACK
    return forwarded and name.endswith(_GATEWAYS_CALL)
