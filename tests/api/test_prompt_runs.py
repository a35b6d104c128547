"""Prompt runs through the API: what is asked for, what it would come to, what failed and another try at it."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.failures import FailureCode
from shared.domain.ids import new_id
from shared.domain.media import Cut, CutSettings, Video
from shared.domain.runs import LlmCall, Run, RunMedia, SegmentResult
from shared.messaging.messages import PlanRun, ProcessSegment
from tests.api.test_indexes import an_index, put_run, put_video, tenant_of
from tests.api.test_prompts import create, scenes
from tests.api.world import World


@pytest.fixture
def prompt_id(world: World) -> str:
    return create(world, scenes(video_level=None)).json["prompt_id"]


def asked(prompt_id: str, target: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"prompt_id": prompt_id, "target": target, **settings}


def a_film(world: World, index_id: str = "", seconds: float = 95.0, **more: Any) -> Video:
    return put_video(world, tenant_of(world), index_id, "film", duration_seconds=seconds, has_audio=True, **more)


def breakdown(world: World, prompt_id: str, video: Video, **settings: Any) -> dict[str, Any]:
    body = asked(prompt_id, {"type": "videos", "video_ids": [video.video_id]}, **settings)
    answer = world.call("POST", "/prompt-runs/estimate", body, world.as_key("read"))
    assert answer.status == 200, answer.body
    assert answer.json["sufficient_balance"] is True
    assert answer.json["estimated_mt"] == answer.json["current_balance_mt"] == 0.0
    return answer.json["breakdown"]


def queued(world: World) -> list[str]:
    return [delivery.body.decode() for delivery in world.tasks.due(world.clock())]


def test_an_estimate_counts_segments_of_a_fixed_length_exactly(world: World, prompt_id: str) -> None:
    told = breakdown(world, prompt_id, a_film(world), video_segmentation_type="fixed", video_segment_duration=10)
    assert (told["segments"], told["segments_exact"], told["media_seconds"], told["videos"]) == (10, True, 95.0, 1)
    assert told["model_calls"] == 20  # fields and words of each


def test_an_estimate_tells_tokens_by_the_documented_rates(world: World, prompt_id: str) -> None:
    film = a_film(world)
    fixed = {"video_segmentation_type": "fixed", "video_segment_duration": 100}
    both = breakdown(world, prompt_id, film, **fixed)
    fields = breakdown(world, prompt_id, film, enable_transcription=False, **fixed)
    assert both["input_tokens"] - fields["input_tokens"] == pytest.approx(95 * (258 + 32), abs=1)
    assert both["total_tokens"] == both["input_tokens"] + both["output_tokens"]


def test_an_estimate_of_a_known_cut_is_exact_and_starts_nothing(world: World, prompt_id: str) -> None:
    film = a_film(world, generation="7")
    now = world.store.clock()
    cut_id = CutSettings().cut_id(film)
    ids = {"tenant": film.tenant, "video_id": film.video_id, "cut_id": cut_id}
    batch = world.store.batch()
    batch.create(Cut(created_at=now, updated_at=now, **ids, generation="7", segment_count=17))
    batch.commit()
    told = breakdown(world, prompt_id, film)
    assert (told["segments"], told["segments_exact"], told["reused_segments"]) == (17, True, 0)
    assert list(world.store.collection(Run, film.tenant).stream()) == [] and queued(world) == []


def test_an_estimate_by_typical_lengths_says_so(world: World, prompt_id: str) -> None:
    told = breakdown(world, prompt_id, a_film(world))
    assert told["segments"] > 0 and told["segments_exact"] is False


@pytest.mark.parametrize("path", ["/prompt-runs/estimate", "/prompt-runs/execute"])
def test_an_estimate_is_checked_like_an_execution(world: World, prompt_id: str, path: str) -> None:
    film = a_film(world)
    target = {"type": "videos", "video_ids": [film.video_id]}
    wrong = [
        (asked(new_id("prompt"), target), 404),
        (asked(prompt_id, {"type": "videos", "video_ids": [new_id("video")]}), 404),
        (asked(prompt_id, {"type": "index", "index_id": new_id("index")}), 404),
        (asked(prompt_id, target, video_segmentation_type="fixed"), 422),
        (asked(prompt_id, target, video_segment_duration=301), 422),
        (asked(prompt_id, target, processing_model="gpt"), 422),
        (asked(prompt_id, {"type": "everything"}), 422),
    ]
    assert [world.call("POST", path, body, world.as_owner()).status for body, _ in wrong] == [status for _, status in wrong]


def test_the_legacy_call_starts_a_run_in_segments_of_one_length(world: World, prompt_id: str) -> None:
    film = a_film(world)
    query = {"segment_duration": 7, "prompt_id": prompt_id}
    answer = world.call("POST", f"/videos/{film.video_id}/process", None, world.as_key("write"), query=query)
    assert answer.status == 200 and answer.json["message"]
    [run] = [world.store.get(Run, film.tenant, answer.json["run_id"])]
    assert run is not None and run.target["video_ids"] == [film.video_id]
    assert (run.video_segmentation_type, run.video_segment_duration, run.audio_segment_duration) == ("fixed", 7, 7)
    assert [PlanRun.model_validate_json(body).run_id for body in queued(world)] == [run.run_id]


def test_the_legacy_call_takes_the_prompt_of_the_index(world: World, prompt_id: str) -> None:
    index_id = an_index(world)["index_id"]
    film = a_film(world, index_id)
    without = world.call("POST", f"/videos/{film.video_id}/process", None, world.as_owner())
    world.call("PUT", f"/indexes/{index_id}/prompt", {"prompt_id": prompt_id}, world.as_owner())
    started = world.call("POST", f"/videos/{film.video_id}/process", None, world.as_owner())
    assert (without.status, without.error, started.status) == (422, "validation_failed", 200)


def test_a_legacy_length_beyond_the_limits_is_refused(world: World, prompt_id: str) -> None:
    film = a_film(world)
    for length in (0, 301, "x"):
        query = {"segment_duration": length, "prompt_id": prompt_id}
        assert world.call("POST", f"/videos/{film.video_id}/process", None, world.as_owner(), query=query).status == 422


@pytest.fixture
def failed(world: World) -> SegmentResult:
    """A segment of an ended run whose words failed."""
    film = a_film(world)
    run = put_run(world, film.tenant, [""], status="completed_with_failures", target={"type": "playground"})
    now = world.store.clock()
    ids = {"created_at": now, "updated_at": now, "tenant": film.tenant, "run_id": run.run_id, "video_id": film.video_id}
    row = SegmentResult(
        **ids,
        segment_id=new_id("segment"),
        status="successful",
        open=False,
        field_extraction_succeeded=True,
        transcription_succeeded=False,
        transcription_error="the model stopped early",
        has_failures=True,
        failure_stage="transcription",
        failure_code=FailureCode.MODEL_STOPPED,
        failure_message="the model stopped early",
        retryable=True,
        attempt=1,
        vector_attempt=1,
    )
    batch = world.store.batch()
    batch.create(RunMedia(**ids, status="partial", open=False, total_segments=1, transcription_failures=1))
    batch.create(row)
    batch.commit()
    return row


def place(row: SegmentResult) -> str:
    return f"/prompt-runs/{row.run_id}/videos/{row.video_id}/segments/{row.segment_id}"


def test_the_manifest_is_complete(world: World, failed: SegmentResult) -> None:
    told = world.call("GET", f"/prompt-runs/{failed.run_id}/failed-segments", None, world.as_key("read")).json
    assert (told["status"], told["failed_segments"], told["videos_with_failures"]) == ("completed_with_failures", 1, 1)
    [segment] = told["videos"][0]["segments"]
    assert (segment["failed_operations"], segment["failure_code"]) == (["transcription"], "model_stopped")
    assert segment["next_step"] == FailureCode.MODEL_STOPPED.cure


def test_a_retry_is_accepted_queued_and_found_again(world: World, failed: SegmentResult) -> None:
    answer = world.call("POST", f"{place(failed)}/retry", None, world.as_key("write"))
    assert (answer.status, answer.json["status"], answer.json["operations"]) == (202, "pending", ["transcription"])
    [command] = [ProcessSegment.model_validate_json(body) for body in queued(world)]
    assert (command.segment_id, command.retry_id) == (failed.segment_id, answer.json["retry_id"])
    found = world.call("GET", f"{place(failed)}/retries/{command.retry_id}", None, world.as_key("read"))
    assert found.json == answer.json
    busy = world.call("POST", f"{place(failed)}/retry", None, world.as_owner())
    assert (busy.status, busy.json["error"]["details"]["retry_id"]) == (409, command.retry_id)


def test_a_key_in_the_body_names_a_retry_like_one_in_the_header(world: World, failed: SegmentResult) -> None:
    headers = world.as_key("write")
    body = {"idempotency_key": "again"}
    first, second = (world.call("POST", f"{place(failed)}/retry", body, headers) for _ in range(2))
    third = world.call("POST", f"{place(failed)}/retry", None, {**headers, "Idempotency-Key": "again"})
    assert first.json == second.json == third.json and first.json["idempotency_key"] == "again"


def test_what_is_not_there_is_not_retried(world: World, failed: SegmentResult) -> None:
    path = f"/prompt-runs/{failed.run_id}/videos/{failed.video_id}/segments/{new_id('segment')}/retry"
    unknown = world.call("POST", path, None, world.as_owner())
    retry = world.call("GET", f"{place(failed)}/retries/{new_id('retry')}", None, world.as_owner())
    assert (unknown.status, unknown.error, retry.status, retry.error) == (404, "segment_not_found", 404, "retry_not_found")


def test_a_run_under_way_is_not_retried(world: World, failed: SegmentResult) -> None:
    run = world.store.get(Run, failed.tenant, failed.run_id)
    assert run is not None
    batch = world.store.batch()
    batch.change(run, status="processing")
    batch.commit()
    assert world.call("POST", f"{place(failed)}/retry", None, world.as_owner()).status == 409


def test_a_run_tells_how_far_it_is_from_the_first_moment_on(world: World, prompt_id: str) -> None:
    film = a_film(world)
    body = asked(prompt_id, {"type": "videos", "video_ids": [film.video_id]}, force=True)
    run = world.call("POST", "/prompt-runs/execute", body, world.as_owner()).json
    assert (run["progress"]["stage"], run["progress"]["percent"], run["progress"]["eta_seconds"]) == ("planning", 0.0, None)
    assert (run["force"], run["reused_segments"]) == (True, 0)


def test_the_calls_of_one_segment_are_listed_alone_and_with_what_they_rest_on(world: World, prompt_id: str) -> None:
    film = a_film(world)
    run = put_run(world, tenant_of(world), [], status="completed")
    segments = [new_id("segment") for _ in range(2)]
    batch = world.store.batch()
    for number, segment_id in enumerate(segments):
        now = world.store.clock() + timedelta(seconds=number)
        told = {"text": "{}", "evidence": {"headline": [{"sense": "reading", "text": f"LINE {number}", "at": 1.5}]}}
        common = {"created_at": now, "updated_at": now, "tenant": film.tenant, "user_id": "ada", "invoked_at": now}
        named = {"run_id": run.run_id, "prompt_id": prompt_id, "video_id": film.video_id, "segment_id": segment_id}
        asked = {"model": "offline-evidence", "purpose": "segment_extraction", "status": "completed", "response": told}
        batch.create(LlmCall(**common, **named, **asked, llm_call_id=f"llm_{number}"))
    batch.commit()
    path, reader = f"/prompt-runs/{run.run_id}/llm-calls", world.as_key("read")
    assert [one["segment_id"] for one in world.call("GET", path, None, reader).json] == segments
    [one] = world.call("GET", path, None, reader, query={"segment_id": segments[1]}).json
    assert one["segment_id"] == segments[1] and one["evidence"]["headline"][0]["text"] == "LINE 1"
    assert world.call("GET", path, None, reader, query={"segment_id": new_id("segment")}).json == []
