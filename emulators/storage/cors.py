"""What a browser on another origin may do, by the bucket's own CORS rules."""

from collections.abc import Sequence
from typing import Any

Rules = Sequence[dict[str, Any]]


def preflight(rules: Rules, origin: str, method: str, wanted_headers: Sequence[str]) -> dict[str, str]:
    """The headers that answer an OPTIONS request; none of them if no rule allows what is asked."""
    for rule in rules:
        headers = [str(name) for name in rule.get("responseHeader", [])]
        if not _allows(rule, origin, method) or not all(_named(name, headers) for name in wanted_headers):
            continue
        return {
            **_origin(rule, origin),
            "Access-Control-Allow-Methods": ",".join(rule.get("method", [])),
            "Access-Control-Allow-Headers": ",".join(wanted_headers),
            "Access-Control-Max-Age": str(rule.get("maxAgeSeconds", 3600)),
        }
    return {}


def response(rules: Rules, origin: str, method: str) -> dict[str, str]:
    """The headers that let a page read this answer."""
    for rule in rules:
        if _allows(rule, origin, method):
            return {
                **_origin(rule, origin),
                "Access-Control-Expose-Headers": ", ".join(rule.get("responseHeader", [])),
            }
    return {}


def session(allowed: str | None, origin: str, method: str, wanted_headers: str) -> dict[str, str]:
    """A resumable session serves the one origin that its start named, whatever the bucket says."""
    if allowed is None or allowed != origin:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Vary": "Origin",
        "Access-Control-Allow-Methods": method,
        "Access-Control-Allow-Headers": wanted_headers,
        "Access-Control-Expose-Headers": "Content-Length, Content-Type, Location, Range, X-Goog-Hash, ETag",
        "Access-Control-Max-Age": "3600",
    }


def _allows(rule: dict[str, Any], origin: str, method: str) -> bool:
    origins, methods = rule.get("origin", []), [str(one).upper() for one in rule.get("method", [])]
    return ("*" in origins or origin in origins) and ("*" in methods or method.upper() in methods)


def _origin(rule: dict[str, Any], origin: str) -> dict[str, str]:
    anyone = "*" in rule.get("origin", [])
    return {"Access-Control-Allow-Origin": "*" if anyone else origin, "Vary": "Origin"}


def _named(name: str, allowed: Sequence[str]) -> bool:
    lower = name.lower()
    return any(
        one == "*" or one.lower() == lower or (one.endswith("*") and lower.startswith(one[:-1].lower())) for one in allowed
    )
