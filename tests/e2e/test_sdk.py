"""The published client, unmodified, in every version people have, drives the served product: every method that it has."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from demo.film import Shot
from infra.manifests import ROOT
from tests.api.receiver import Received, Receiver, Said
from tests.e2e.stack import SDKS, Stack
from tests.e2e.tls_front import tls_front
from tests.pipeline.import_house import a_key_file

pytestmark = pytest.mark.xdist_group("sdk")  # one walk serves all of them

VERSIONS = [("2.0.0", False)]  # the last; True is for the asynchronous client
LONG = [("1.0.0", False), ("1.0.0", True), ("1.1.0", False), ("1.1.0", True), ("2.0.0", True)]


@pytest.fixture(
    scope="module",
    params=[*VERSIONS, *(pytest.param(one, marks=pytest.mark.long) for one in LONG)],
    ids=lambda one: f"{one[0]}-async" if one[1] else one[0],
)
def seen(
    request: pytest.FixtureRequest, stack: Stack, film: tuple[Path, list[Shot]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    version, asynchronous = request.param
    folder = tmp_path_factory.mktemp("tour")
    return toured(version, asynchronous, stack, film[0], film[1][1].scene.title.lower(), folder)


def toured(version: str, asynchronous: bool, stack: Stack, film: Path, words: str, folder: Path) -> dict[str, Any]:
    """What one version of the client saw; its users come over TLS."""
    key_file = folder / "account.json"
    key_file.write_text(json.dumps(a_key_file()))
    receiver = Receiver(refuse_below_refused)
    said = stack.said
    with tls_front(stack.port, folder) as (origin, authority):
        place = {
            "base_url": f"{origin}/api/v2",
            "api_key": said["api_key"],
            "bearer_token": said["bearer_token"],
            "film": str(film),
            "words": words,
            "key_file": str(key_file),
            "receiver": receiver.url,
            "asynchronous": asynchronous,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.e2e.sdk_tour"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(SDKS / version), "SSL_CERT_FILE": str(authority), "NO_PROXY": "*"},
            input=json.dumps(place),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    receiver.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["version"] == version
    return seen


def refuse_below_refused(received: Received) -> Said:
    return Said(400 if received.path == "/refused" else 200)


def test_no_method_of_the_client_is_without_an_answer_that_it_could_read(seen: dict[str, Any]) -> None:
    assert [name for name in seen["methods"] if "answered" not in seen["outcomes"].get(name, [])] == []


def test_no_call_failed_but_those_that_were_meant_to(seen: dict[str, Any]) -> None:
    meant = {
        "api_keys.list": {"AuthorizationError"},
        "import_jobs.cancel": {"ConflictError"},  # it was over before
        "indexes.create": {"AuthorizationError", "IdempotencyError", "ValidationError"},
        "indexes.list": {"AuthenticationError"},
        "indexes.retrieve": {"NotFoundError"},
        "prompt_runs.cancel": {"ConflictError"},
        "prompt_runs.wait_for_completion": {"ProcessingError"},
        "search.text": {"ValidationError"},
        "videos.retrieve": {"NotFoundError"},
        "workflow.search": {"ValidationError"},
    }
    failed = {name: set(outcomes) - {"answered"} - meant.get(name, set()) for name, outcomes in seen["outcomes"].items()}
    assert {name: outcomes for name, outcomes in failed.items() if outcomes} == {}


def test_a_repeated_request_with_one_key_happens_once(seen: dict[str, Any]) -> None:
    assert seen["index_created_once"] and seen["run_started_once"]


def test_media_is_listed_where_it_was_put(seen: dict[str, Any]) -> None:
    assert seen["index_listed"] and seen["in_index"] and seen["playground"]
    assert seen["batch"] and seen["signed"]


def test_prompts_are_checked_and_changed(seen: dict[str, Any]) -> None:
    assert seen["schema_valid"] and seen["prompt_updated"] and seen["prompt_listed"]
    assert seen["usage"]["prompt_id"].startswith("prm_")


def test_the_run_counts_what_it_did(seen: dict[str, Any]) -> None:
    run = seen["run"]
    assert run["status"] == "completed"
    assert run["total_videos"] == run["completed_videos"] == 1
    assert run["total_segments"] == run["completed_segments"] == len(seen["results"]) > 1
    assert seen["listed"] and run["run_id"] in seen["touching"] and run["run_id"] in seen["in_index_runs"]
    assert seen["video_status"] == ["processed", "processed"]
    assert seen["estimated"] and set(seen["batch_segments"]) == {run["total_segments"]}


def test_what_failed_is_named_tried_again_and_stopped(seen: dict[str, Any]) -> None:
    failed = seen["failed_segment"]
    assert "serial" in seen["failed_run"] and "serial" in failed["field_extraction_error"]
    assert (failed["failed_operations"], failed["failure_code"], failed["retryable"]) == (
        ["field_extraction"],
        "schema_mismatch",
        True,
    )
    assert seen["retried"] == "failed" and seen["cancelled"] in ("processing", "cancelled")


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


def test_every_way_to_search_finds_the_film_and_nothing_outside_its_place(seen: dict[str, Any]) -> None:
    assert set(seen["ways"].values()) == {True}, seen["ways"]
    assert seen["outside"] == []


def test_what_is_deleted_is_gone_from_search_and_missing(seen: dict[str, Any]) -> None:
    assert seen["found_after_delete"] == 0 and seen["deleted_is_missing"]
    assert seen.get("deletions", ["deleted", "deleted"]) == ["deleted", "deleted"]


def test_an_export_is_fetched_over_tls_from_where_its_caller_came(seen: dict[str, Any]) -> None:
    export = seen["export"]
    assert export["status"] == "completed" and export["listed"]
    assert export["address"].startswith("/api/v2/exports/" if seen["version"] == "1.0.0" else "https://127.0.0.1:")
    assert export.get("downloaded", True)


def test_media_come_from_a_bucket_of_somebodys(seen: dict[str, Any]) -> None:
    connectors, imported = seen["connectors"], seen["import"]
    assert connectors == {"listed": True, "provider": "gcs", "works": True, "browsed": ["films/one.mp4"]}
    assert (imported["imported"], imported["status"], imported["listed"]) == (1, "completed", True)
    assert imported["cancelled"] == "cancelled" and seen["imported_into"] == "Imported"
    if seen["version"] == "2.0.0":
        assert imported["outputs"] and imported["totals"] == [1, 1, 1] and imported["retried"] == "completed"


def test_a_webhook_is_told_and_told_again_and_looked_after(seen: dict[str, Any]) -> None:
    said = seen["webhook"]
    assert said["answered"] == 400 and said["same"]
    assert said["renamed"] == ["Renamed", ["export.ready"]]
    assert said["events"] and said["listed"] and said["tested"] and said["rotated"]


def test_what_was_used_is_told_in_the_clients_own_terms(seen: dict[str, Any]) -> None:
    said = seen["counters"]
    assert min(said["totals"]) > 0, "uploads, searches, stored bytes"
    assert len(said["history"]) == 1 and "total_tokens" in said["history"][0]
    assert said["details"] and said["span"] and said["types"] and said["left"] and said["same"]


def test_the_short_way_leads_from_a_file_to_its_search(seen: dict[str, Any]) -> None:
    if seen["version"] == "1.0.0":
        assert "workflow" not in seen  # that version has it not
        return
    expected = {"saved": True, "status": "completed", "found": True, "mode": "condition", "met": True}
    assert seen["workflow"] == {**expected, "cursor": "ValidationError"}
    assert seen.get("authenticated", True)


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
    assert seen["key_listed"] and seen["rotated"] and seen["revoked"]
