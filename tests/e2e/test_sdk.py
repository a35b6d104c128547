"""The published client, unmodified, in every version people have, drives the served product."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from demo.film import Shot
from tests.e2e.stack import SDKS, Stack

TOUR = Path(__file__).with_name("sdk_tour.py")


@pytest.fixture(scope="module", params=["1.0.0", "1.1.0"])
def seen(request: pytest.FixtureRequest, stack: Stack, film: tuple[Path, list[Shot]]) -> dict[str, Any]:
    path, shots = film
    done = subprocess.run(
        [sys.executable, str(TOUR), str(stack.data_dir / "credentials.json"), str(path), shots[1].scene.title.lower()],
        env={**os.environ, "PYTHONPATH": str(SDKS / request.param)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_repeated_request_with_one_key_happens_once(seen: dict[str, Any]) -> None:
    assert seen["index_created_once"] and seen["run_started_once"]


def test_media_is_listed_where_it_was_put(seen: dict[str, Any]) -> None:
    assert seen["index_listed"] and seen["in_index"] and seen["playground"]


def test_prompts_are_checked_and_changed(seen: dict[str, Any]) -> None:
    assert seen["schema_valid"] and seen["prompt_updated"]
    assert seen["usage"]["prompt_id"].startswith("prm_")


def test_the_run_counts_what_it_did(seen: dict[str, Any]) -> None:
    run = seen["run"]
    assert run["status"] == "completed"
    assert run["total_videos"] == run["completed_videos"] == 1
    assert run["total_segments"] == run["completed_segments"] == len(seen["results"]) > 1
    assert seen["listed"] and run["run_id"] in seen["touching"] and run["run_id"] in seen["in_index_runs"]
    assert seen["video_status"] == "processed"


def test_every_shot_has_its_own_words(seen: dict[str, Any], film: tuple[Path, list[Shot]]) -> None:
    headlines = [one["metadata"]["headline"].upper() for one in seen["results"]]
    assert headlines == [shot.scene.title for shot in film[1]]
    assert all(one["field_extraction_succeeded"] and one["transcription_succeeded"] for one in seen["results"])


def test_the_segments_tile_the_film_and_belong_to_the_run(seen: dict[str, Any]) -> None:
    assert (
        seen["segments"]
        == [one["segment_id"] for one in seen["segments_of_run"]]
        == [one["segment_id"] for one in seen["results"]]
    )
    times = [(one["start_time"], one["end_time"]) for one in seen["segments_of_run"]]
    assert times[0][0] == 0 and all(before[1] == after[0] for before, after in pairwise(times))


def test_the_film_as_a_whole_is_summed_up_from_its_segments(seen: dict[str, Any]) -> None:
    assert seen["video_result"]["status"] == "completed"
    assert seen["video_result"]["metadata"]["program_summary"]


def test_an_answer_without_a_model_says_so(seen: dict[str, Any]) -> None:
    assert seen["llm_models"] == ["offline-evidence"]
    assert all("offline-evidence" in one["processing_warning"] for one in seen["results"])


def test_words_on_screen_are_found_in_the_shot_that_shows_them(seen: dict[str, Any], film: tuple[Path, list[Shot]]) -> None:
    best = seen["found"][0]
    assert best["segment_id"] == seen["results"][1]["segment_id"]
    assert film[1][1].scene.title.lower() in best["content_preview"].lower()
    assert best["matched_field_instances"]


def test_what_is_deleted_is_gone_from_search_and_missing(seen: dict[str, Any]) -> None:
    assert seen["found_after_delete"] == 0 and seen["deleted_is_missing"]


def test_refusals_are_the_clients_own_errors(seen: dict[str, Any]) -> None:
    assert seen["refusals"] == {
        "missing index": "NotFoundError",
        "empty name": "ValidationError",
        "reused key": "IdempotencyError",
        "keys without a token": "AuthorizationError",
        "empty query": "ValidationError",
        "bad key": "AuthenticationError",
    }


def test_keys_live_and_die_as_their_owner_says(seen: dict[str, Any]) -> None:
    assert seen["search_scope_searches"] and not seen["search_scope_creates"]
    assert seen["rotated"] and seen["revoked"] and seen["async_index"]
