"""The demo's steps against a product that runs anywhere: `python -m infra.smoke BASE --key sk_live_…`.

It leaves behind what the demo does: an index named Demo with one more copy of the sample film, its prompt and a finished run.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from demo.api import Api, Refused
from demo.tour import Findings, Tour

_KEY_VARIABLE = "VIDEOVECTOR_API_KEY"


class NotThere(Exception):
    """The base is no API of ours, or does not take the key; the message says which."""


def base_of(text: str) -> str:
    """With or without /api/v2, as people copy it."""
    base = text.rstrip("/")
    return base if base.endswith("/api/v2") else f"{base}/api/v2"


def check(base_url: str, key: str) -> None:
    """Raises `NotThere` unless the API answers and takes the key."""
    try:
        answer = httpx.get(f"{base_url}/auth/validate", headers={"X-API-Key": key}, timeout=60, trust_env=False)
    except httpx.HTTPError as error:
        raise NotThere(f"{base_url} cannot be reached: {error}") from error
    if answer.status_code == 401:
        raise NotThere("the key is not valid there: make one with POST /api-keys and the owner's token")
    if answer.is_error:
        raise NotThere(f"{base_url}/auth/validate answered {answer.status_code}: {answer.text[:300]}")


def take(base_url: str, key: str) -> Findings:
    """Raises `Refused` with the API's own words for the first call that fails."""
    state = {"last": ""}

    def seen(run: dict) -> None:
        said = f"  {run['status']} {run.get('progress_percent', '')}"
        if said != state["last"]:
            state["last"] = said
            print(said, flush=True)

    api = Api(base_url, key)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return Tour(api, lambda text: print(text, flush=True), seen).take(Path(folder) / "sample.mp4")
    finally:
        api.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.smoke", description="The demo's steps against a base URL.")
    parser.add_argument("base", help="as https://…gateway.dev or http://127.0.0.1:8080")
    parser.add_argument("--key", default=os.environ.get(_KEY_VARIABLE, ""), help=f"an API key; else ${_KEY_VARIABLE}")
    said = parser.parse_args(arguments)
    base_url, begun = base_of(said.base), time.monotonic()
    if not said.key:
        parser.error(f"no key: call `make smoke BASE=… KEY=…` or set {_KEY_VARIABLE}")
    try:
        check(base_url, said.key)
        findings = take(base_url, said.key)
    except (NotThere, Refused) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    for search in findings.searches:
        print(f"  {search['what']}: {search['query']!r} found {len(search['hits'])}")
    for complaint in findings.complaints:
        print(f"failed: {complaint}", file=sys.stderr)
    if not findings.complaints:
        print(f"all is well at {base_url} ({time.monotonic() - begun:.0f} s)")
    return 1 if findings.complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
