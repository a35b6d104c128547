"""Media from upload to search on the running product, also when it is killed in between, and files that are none."""

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.film import Shot
from demo.tour import PROMPT
from tests.e2e.stack import Stack, eventually

TERMINAL = {"completed", "completed_with_failures", "failed", "cancelled"}


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    return answer.json()


def begin_run(client: httpx.Client, film: Path) -> tuple[str, str]:
    """(run_id, video_id) of a fresh run over a fresh upload."""
    index = made(client.post("/indexes", json={"name": "Films"}))
    prompt = made(client.post("/prompts", json=PROMPT))
    with film.open("rb") as stream:
        form = {"title": film.stem, "index_id": index["index_id"]}
        video = made(client.post("/videos/upload", data=form, files={"file": (film.name, stream, "video/mp4")}))
    wanted = {
        "prompt_id": prompt["prompt_id"],
        "target": {"type": "videos", "video_ids": [video["video_id"]]},
        "video_segmentation_type": "content_aware",
    }
    return made(client.post("/prompt-runs/execute", json=wanted))["run_id"], video["video_id"]


def finished(client: httpx.Client, run_id: str, seconds: float) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        run = made(client.get(f"/prompt-runs/{run_id}"))
        return run if run["status"] in TERMINAL else None

    return eventually(ended, seconds, "the run has ended")


def results(client: httpx.Client, run_id: str, video_id: str) -> list[dict[str, Any]]:
    page = made(client.get(f"/prompt-runs/{run_id}/results", params={"video_id": video_id, "limit": 100}))
    assert not page["pagination"]["has_more"]
    return page["data"]


@pytest.mark.long
@pytest.mark.slow
def test_everything_killed_in_the_middle_of_a_run_and_started_again_completes_it_once(
    own_stack: Callable[..., Stack], film: tuple[Path, list[Shot]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_SECONDS", "3")
    path, shots = film
    stack = own_stack("killed")
    with stack.client() as client:
        run_id, video_id = begin_run(client, path)
        eventually(lambda: made(client.get(f"/prompt-runs/{run_id}"))["total_segments"] > 0, 60, "the film is cut")
    stack.kill_everything()
    again = own_stack("killed")
    with again.client() as client:
        run = finished(client, run_id, 180)  # a killed worker's lease runs out first
        found = results(client, run_id, video_id)
    assert run["status"] == "completed", run
    assert run["completed_segments"] == run["total_segments"] == len(found) == len(shots)
    assert max(Counter(one["segment_id"] for one in found).values()) == 1
    ends = sorted((one["start_time"], one["end_time"]) for one in found)
    assert all(abs(before[1] - after[0]) < 0.01 for before, after in itertools.pairwise(ends))


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.mp4", b""), ("garbage.mp4", b"\x8f\x02 this is not a film " * 999), ("list.mp4", b"#EXTM3U\nfile:///etc/passwd\n")],
)
def test_a_file_that_is_no_media_is_refused_by_name_and_leaves_nothing(stack: Stack, name: str, content: bytes) -> None:
    with stack.client() as client:
        before = stored_files(stack)
        refused(client, name, content)
        assert stored_files(stack) == before


def test_a_film_that_breaks_off_is_refused_by_name_and_leaves_nothing(stack: Stack, film: tuple[Path, list[Shot]]) -> None:
    whole = film[0].read_bytes()
    with stack.client() as client:
        before = stored_files(stack)
        refused(client, "half.mp4", whole[: len(whole) // 2])
        assert stored_files(stack) == before


def stored_files(stack: Stack) -> int:
    """How many objects the storage keeps, whatever they are called."""
    return sum(path.is_file() for path in (stack.data_dir / "cloud" / "objects").rglob("*"))


def refused(client: httpx.Client, name: str, content: bytes) -> None:
    index = made(client.post("/indexes", json={"name": f"For {name}"}))
    form = {"title": name, "index_id": index["index_id"]}
    answer = client.post("/videos/upload", data=form, files={"file": (name, content, "video/mp4")})
    assert answer.status_code in (400, 415, 422), answer.text
    error = answer.json()["error"]
    assert error["code"] not in ("internal", "validation_failed", "invalid_request")
    assert error["message"]
    assert made(client.get(f"/indexes/{index['index_id']}/videos"))["data"] == []
