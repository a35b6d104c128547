"""The few calls of the public API that the tour makes, by plain HTTP."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

TERMINAL = {"completed", "completed_with_failures", "failed", "cancelled"}
_POLL_SECONDS = 0.25


class Refused(Exception):
    """The API answered an error; the message is its own."""


class Api:
    """`base_url` ends in /api/v2."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.Client(base_url=base_url, headers={"X-API-Key": api_key}, timeout=120, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def index(self, name: str) -> dict[str, Any]:
        """The index of that name, made if there is none."""
        found = next((one for one in self._call("GET", "/indexes") if one["name"] == name), None)
        return found or self._call("POST", "/indexes", json={"name": name})

    def prompt(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """The prompt of that name, made if there is none."""
        prompts = self._call("GET", "/prompts")["prompts"]
        found = next((one for one in prompts if one["name"] == wanted["name"]), None)
        return found or self._call("POST", "/prompts", json=wanted)

    def upload(self, film: Path, title: str, index_id: str) -> dict[str, Any]:
        with film.open("rb") as stream:
            files = {"file": (film.name, stream, "video/mp4")}
            return self._call("POST", "/videos/upload", files=files, data={"title": title, "index_id": index_id})

    def execute(self, prompt_id: str, video_id: str, **settings: Any) -> dict[str, Any]:
        target = {"type": "videos", "video_ids": [video_id]}
        return self._call("POST", "/prompt-runs/execute", json={"prompt_id": prompt_id, "target": target, **settings})

    def watch(self, run_id: str, seen: Callable[[dict[str, Any]], None], seconds: float) -> dict[str, Any]:
        """Asks for the run until it has ended, telling `seen` each time. Raises `Refused` when it takes longer."""
        ends = time.monotonic() + seconds
        while True:
            run = self._call("GET", f"/prompt-runs/{run_id}")
            seen(run)
            if run["status"] in TERMINAL:
                return run
            if time.monotonic() > ends:
                raise Refused(f"the run is still {run['status']} after {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def results(self, run_id: str, video_id: str) -> list[dict[str, Any]]:
        """All segments' results, in the film's order."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {"video_id": video_id, "limit": 100, **({"cursor": cursor} if cursor else {})}
            page = self._call("GET", f"/prompt-runs/{run_id}/results", params=query)
            found += page["data"]
            cursor = page["pagination"]["next_cursor"]
            if not cursor:
                return sorted(found, key=lambda one: one["start_time"] or 0.0)

    def synthesis(self, run_id: str, video_id: str) -> dict[str, Any]:
        return self._call("GET", f"/prompt-runs/{run_id}/videos/{video_id}/video-result")

    def search(self, index_id: str, query: str, run_id: str) -> list[dict[str, Any]]:
        return self._call("POST", f"/indexes/{index_id}/search", json={"query": query, "top_k": 5, "run_ids": [run_id]})

    def _call(self, method: str, path: str, **rest: Any) -> Any:
        answer = self._http.request(method, path, **rest)
        if answer.is_error:
            raise Refused(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()
