"""The short way from a file to its search, by every endpoint below /workflow, on the running product."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.film import Shot
from tests.e2e.stack import Stack, eventually
from tests.pipeline.shelf import Shelf

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
WISH = "Find every headline that is shown on the screen."


def said(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return answer.json()


def ended(client: httpx.Client, path: str) -> dict[str, Any]:
    """The object at the path, once it is in a final state."""

    def look() -> dict[str, Any] | None:
        one = said(client.get(path))
        return one if one["status"] in ("completed", "failed", "cancelled", "completed_with_failures") else None

    return eventually(look, 120, f"{path} has ended")


@pytest.fixture
def shelf(film: tuple[Path, list[Shot]]) -> Iterator[Shelf]:
    made = Shelf(film[0].read_bytes())
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def processed(client: httpx.Client, film: tuple[Path, list[Shot]]) -> dict[str, Any]:
    """A film uploaded into an index that is made by its name, and a run over that upload with a prompt made on the spot."""
    with film[0].open("rb") as content:
        form = {"title": "Three shots", "index_name": "Short ways"}
        sent = client.post("/workflow/upload", data=form, files={"file": ("film.mp4", content, "video/mp4")})
    uploaded = said(sent, 201)
    quick = {"segmentation_mode": "content_aware", "advanced_transcription": False, "create_image_embeddings": False}
    begun = client.post("/workflow/process", json={"prompt_instruction": WISH, "import_job_id": uploaded["job_id"], **quick})
    run = said(begun, 201)
    assert ended(client, run["status_url"].removeprefix("/api/v2"))["status"] == "completed"
    return {"uploaded": uploaded, "run": run}


def test_an_upload_makes_its_index_and_answers_as_job_and_as_item(processed: dict[str, Any]) -> None:
    uploaded = processed["uploaded"]
    assert uploaded["status"] == "completed" and uploaded["video_ids"] == [uploaded["video"]["video_id"]]
    place = uploaded["destination"]
    assert (place["type"], place["index_name"], place["index_created"]) == ("index", "Short ways", True)


def test_a_second_upload_finds_the_index_by_its_name(client: httpx.Client, processed: dict[str, Any]) -> None:
    form = {"index_name": "Short ways"}
    again = said(client.post("/workflow/upload", data=form, files={"file": ("dot.png", PIXEL, "image/png")}), 201)
    assert again["destination"]["index_created"] is False and again["video"]["title"] == "dot.png"
    assert again["destination"]["index_id"] == processed["uploaded"]["destination"]["index_id"]


def test_a_definition_is_saved_unless_told_otherwise(client: httpx.Client) -> None:
    kept = said(client.post("/workflow/define", json={"instruction": WISH}))
    assert kept["saved"] and client.get(f"/prompts/{kept['prompt_id']}").status_code == 200
    forgotten = said(client.post("/workflow/define", json={"instruction": WISH, "save": False}))
    assert (forgotten["saved"], forgotten["prompt_id"], forgotten["prompt"]) == (False, None, None)
    assert forgotten["definition"]["json_schema"]["properties"]


def test_results_are_paged_as_a_whole_and_without_what_nothing_was_found_in(
    client: httpx.Client, processed: dict[str, Any], film: tuple[Path, list[Shot]]
) -> None:
    path = processed["run"]["results_url"].removeprefix("/api/v2")
    whole = said(client.get(path))
    assert len(whole["unfiltered"]["data"]) == len(film[1]) == whole["selection_summary"]["total_segments"]
    paged, cursor = [], None
    for _ in range(len(film[1])):
        page = said(
            client.get(path, params={"view": "unfiltered", "limit": 1, **({"unfiltered_cursor": cursor} if cursor else {})})
        )
        assert page["filtered"] is None
        paged += page["unfiltered"]["data"]
        cursor = page["unfiltered"]["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert [one["segment_id"] for one in paged] == [one["segment_id"] for one in whole["unfiltered"]["data"]]
    refused = client.get(path, params={"view": "filtered", "filtered_cursor": "of-nobody"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_cursor")


def test_search_pages_on_by_its_cursor_alone(
    client: httpx.Client, processed: dict[str, Any], film: tuple[Path, list[Shot]]
) -> None:
    asked = {"query": film[1][1].scene.title.lower(), "index_name": "Short ways", "limit": 1}
    first = said(client.post("/workflow/search", json=asked))
    assert (first["mode"], first["pagination"]["count"], first["pagination"]["has_more"]) == ("vector", 1, True)
    following = said(client.get("/workflow/search/page", params={"cursor": first["pagination"]["next_cursor"]}))
    assert following["data"][0]["result_id"] != first["data"][0]["result_id"]
    video_id = processed["uploaded"]["video"]["video_id"]
    assert {one["video_id"] for one in first["data"] + following["data"]} == {video_id}


def test_a_grant_plays_a_segment_of_the_item(
    client: httpx.Client, processed: dict[str, Any], film: tuple[Path, list[Shot]]
) -> None:
    video_id, run_id = processed["uploaded"]["video"]["video_id"], processed["run"]["run_id"]
    segment = said(client.get(f"/videos/{video_id}/segments", params={"run_id": run_id}))["data"][1]
    about = {"video_id": video_id, "run_id": run_id, "segment_id": segment["segment_id"], "intent": "play"}
    grant = said(client.post("/workflow/media-grants", json=about))
    assert grant["filename"] == "Three shots.mp4" and grant["mime_type"] == "video/mp4"
    assert grant["url"].endswith(f"#t={segment['start_time']:g},{segment['end_time']:g}")
    assert httpx.get(grant["url"], trust_env=False).content == film[0].read_bytes()
    missing = client.post("/workflow/media-grants", json={**about, "segment_id": "seg_" + "0" * 26})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "segment_not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("process", {"prompt_id": "p", "prompt_instruction": WISH, "index_id": "i"}),
        ("process", {"prompt_id": "p"}),
        ("process", {"prompt_id": "p", "index_id": "i", "fixed_segment_duration_seconds": 5}),
        ("search", {"query": "a", "filters": [{"field": "a", "operator": "is_not_empty", "type": "string"}]}),
        ("search", {}),
        ("attachments", {"files": []}),
        (
            "attachments",
            {"files": [{"download_url": "https://127.0.0.1:1/a", "file_id": "a"}], "index_id": "a", "index_name": "b"},
        ),
        ("attachments", {"files": [{"download_url": "file:///etc/passwd", "file_id": "a"}]}),
    ],
)
def test_what_does_not_say_what_is_wanted_is_a_422(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    refused = client.post(f"/workflow/{path}", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_failed"), refused.text


def test_attachments_whose_addresses_ran_out_come_by_fresh_ones(client: httpx.Client, shelf: Shelf) -> None:
    shelf.gone = {"/b", "/c"}
    files = [{"download_url": shelf.address(f"/{one}"), "file_id": f"{one}-1", "file_name": f"{one}.mp4"} for one in "abc"]
    job = said(client.post("/workflow/attachments", json={"files": files, "index_name": "Attached"}), 202)
    path = f"/import-jobs/{job['job_id']}"
    first = ended(client, path)
    assert (first["progress"]["imported"], first["progress"]["failed"]) == (1, 2)
    listed = said(client.get(f"{path}/files", params={"failed_only": True}))["items"]
    assert all("retry" in one["failure"]["message"] for one in listed), listed

    stranger = client.post(f"{path}/retry", json={"files": [{"file_id": "d-1", "download_url": shelf.address("/d")}]})
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (422, "validation_failed")
    fresh = [
        {"file_id": "b-1", "download_url": shelf.address("/b2")},  # by the sender's own name
        {"file_id": listed[1]["file_id"], "download_url": shelf.address("/c2")},  # by the one that the job tells
    ]
    said(client.post(f"{path}/retry", json={"files": fresh}))
    again = ended(client, path)
    assert (again["status"], again["progress"]["imported"], again["progress"]["failed"]) == ("completed", 3, 0)
    assert len(set(again["video_ids"])) == 3
    assert said(client.post(f"{path}/retry", json={"files": fresh}))["progress"]["imported"] == 3, "nothing is left to be tried"


def test_what_comes_through_a_connector_or_an_upload_takes_no_addresses(client: httpx.Client, processed: dict[str, Any]) -> None:
    path = f"/import-jobs/{processed['uploaded']['job_id']}/retry"
    refused = client.post(path, json={"files": [{"file_id": "a", "download_url": "https://127.0.0.1:1/a"}]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_failed")
    assert said(client.post(path))["status"] == "completed"
