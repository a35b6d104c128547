"""The site's first key: made once through the API itself, and kept where scripts find it."""

import json
from typing import Any

from emulators.runner.loopback import call, expect
from emulators.runner.secrets import write_private
from emulators.runner.site import Site

OWNER = "owner@videovector.local"
_TOKEN_SECONDS = 30 * 86_400
_FIELDS = {"base_url", "api_key", "bearer_token", "console_url"}


def ensure(site: Site) -> dict[str, str]:
    """`credentials.json` with a key of scope `admin` that works: the stored one, or a new one if that no longer validates."""
    base_url = f"{site.url('gateway')}/api/v2"
    stored = _stored(site)
    token = _user_token(site)
    api_key = stored.get("api_key", "")
    if not api_key or not _validates(base_url, api_key):
        api_key = _new_key(base_url, token)
    said = {"base_url": base_url, "api_key": api_key, "bearer_token": token, "console_url": console_url(site)}
    write_private(site.credentials_file, json.dumps(said, indent=2) + "\n")
    return said


def console_url(site: Site) -> str:
    """Where the console is, or nothing where this version has none."""
    url = f"{site.url('gateway')}/console"
    return url if call("GET", url).status < 400 else ""


def _stored(site: Site) -> dict[str, Any]:
    try:
        said = json.loads(site.credentials_file.read_text())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) and said.keys() >= _FIELDS else {}


def _user_token(site: Site) -> str:
    wanted = {"sub": OWNER, "email": OWNER, "expires_in": _TOKEN_SECONDS}
    return expect(call("POST", f"{site.url('identity')}/users/token", wanted), 200).json()["access_token"]


def _validates(base_url: str, api_key: str) -> bool:
    return call("GET", f"{base_url}/auth/validate", headers={"X-API-Key": api_key}).status in (200, 204)


def _new_key(base_url: str, token: str) -> str:
    wanted = {"name": "This machine", "scopes": ["admin"]}
    answer = call("POST", f"{base_url}/api-keys", wanted, {"Authorization": f"Bearer {token}"})
    return expect(answer, 200, 201).json()["key"]
