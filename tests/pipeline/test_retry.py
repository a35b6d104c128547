"""Another try at what failed of a segment: only that is asked again, and everything that counted the failure is mended."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.events import Event, EventType
from shared.domain.media import Video
from shared.domain.runs import LlmCall, MediaState, RetryState, Run, RunStatus, SegmentResult, SegmentState
from shared.messaging.messages import Command, ProcessSegment
from shared.vectors.ids import TextId
from shared.vectors.index import DIMENSIONS, Query
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.requests_of_users import failed_segments, retry, retry_of
from tests.pipeline.world import World

FILM = films.film(["red", "blue"], seconds_each=1.0, tone=True)
CUT: dict[str, Any] = {"video_segmentation_type": "fixed", "video_segment_duration": 1}
REFUSED = (400, {"error": {"code": 400, "message": "no"}})
Said = tuple[int, dict[str, Any]]


def _second_half(body: dict) -> bool:
    spans = [part.get("videoMetadata", {}) for part in body["contents"][0]["parts"] if "fileData" in part]
    return bool(spans) and not spans[0]["start_offset"].startswith("0.")


def _well(body: dict) -> Said:
    if asks_for(body, "utterances"):
        return answer({"utterances": [{"start_seconds": 0.0, "end_seconds": 1.0, "text": "a long tone"}]})
    if asks_for(body, "program_summary"):
        prompt = body["contents"][0]["parts"][0]["text"]
        return answer({"program_summary": f"{prompt.count('plain colour')} scenes, {prompt.count('long tone')} tones"})
    return answer({"headline": "a plain colour"})


def refusing(field: str, said: Said = REFUSED) -> Callable[[dict], Said]:
    """Everything is answered well, but the question for this field about the second half."""
    return lambda body: said if asks_for(body, field) and _second_half(body) else _well(body)


def a_failed_run(world: World, gemini: Gemini, field: str, said: Said = REFUSED, **settings: Any) -> tuple[Run, SegmentResult]:
    """Ended; comes with the row of the segment that failed. From then on the model answers well."""
    tenant = scenes.a_tenant()
    gemini.say = refusing(field, said)
    video = scenes.a_video(world, tenant, FILM)
    run = scenes.a_run(world, tenant, [video], **CUT, **settings)
    world.deliver(horizon=3600)
    gemini.say = _well
    gemini.asked.clear()
    rows = scenes.results_of(world, run, video)
    [failed] = [row for row in rows if row.has_failures]
    return scenes.again(world, run), failed


def row_again(world: World, row: SegmentResult) -> SegmentResult:
    found = world.store.get(SegmentResult, row.tenant, row.run_id, row.video_id, row.segment_id)
    assert found is not None
    return found


def kinds(world: World, run: Run) -> list[str]:
    rows = world.store.stream(Event, world.store.collection(Event, run.tenant))
    return [row.event_type for row in rows if row.run_id == run.run_id]


def live_texts(world: World, row: SegmentResult) -> list[int]:
    """Numbers of the text vectors that count for a row, and none of any other attempt."""
    hits = world.vectors.find(
        Query([1.0] + [0.0] * (DIMENSIONS - 1), allow={"tenant": [row.tenant], "kind": ["text"]}, limit=200)
    )
    of_row = [found for hit in hits if (found := TextId.parse(hit.id)) and found.segment_id == row.segment_id]
    assert {found.attempt for found in of_row} <= {row.vector_attempt}
    return sorted(found.n for found in of_row)


@pytest.mark.parametrize("field", ["headline", "utterances"])
def test_a_retry_asks_only_what_failed_and_mends_the_run(world: World, gemini: Gemini, field: str) -> None:
    run, row = a_failed_run(world, gemini, field)
    assert run.status == RunStatus.COMPLETED_WITH_FAILURES
    asked = retry(world, run, row, "again")
    assert asked["status"] == "pending"
    world.deliver()

    assert [asks_for(body, field) for body in gemini.asked] == [True]
    row, run = row_again(world, row), scenes.again(world, run)
    assert (row.status, row.has_failures, row.retry_id) == (SegmentState.SUCCESSFUL, False, "")
    assert (row.metadata, row.transcript) == ({"headline": "a plain colour"}, "a long tone")
    assert live_texts(world, row) == [0, 1, 2]
    [media] = scenes.media_of(world, run)
    assert (media.status, media.successful_segments, media.failed_segments) == (MediaState.COMPLETED, 2, 0)
    assert run.status == RunStatus.COMPLETED
    assert (run.counts["completed_videos"], run.counts["partial_videos"]) == (1, 0)
    assert run.counts["field_extraction_failures"] == run.counts["transcription_failures"] == 0
    assert (run.wake_at, run.mending) == (None, [])
    done = retry_of(world, run, row, asked["retry_id"])
    assert (done["status"], done["error"], done["field_extraction_succeeded"]) == ("completed", None, True)
    assert failed_segments(world, run)["videos"] == []


def test_the_manifest_names_what_failed_where_why_and_what_to_do(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "utterances")
    manifest = failed_segments(world, run)
    assert (manifest["videos_with_failures"], manifest["failed_segments"]) == (1, 1)
    assert manifest["operation_counts"] == {"field_extraction": 0, "transcription": 1, "image_embedding": 0, "processing": 0}
    [segment] = manifest["videos"][0]["segments"]
    assert segment["segment_id"] == row.segment_id
    assert (segment["failed_operations"], segment["failure_stage"]) == (["transcription"], "transcription")
    assert (segment["failure_code"], segment["retryable"]) == ("model_refused", False)
    assert segment["next_step"] and segment["failure_message"] == segment["transcription_error"]


def test_a_mended_run_tells_of_its_new_end_once(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    retry(world, run, row, "again")
    world.deliver()
    told = kinds(world, run)
    assert told.count(EventType.PROMPT_RUN_PARTIAL_COMPLETED) == told.count(EventType.PROMPT_RUN_COMPLETED) == 1
    assert told.count(EventType.MEDIA_PROCESSING_COMPLETED) == 2  # partial, then complete


def test_the_media_wide_result_is_made_anew_from_what_the_segments_say_now(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline", video_level=scenes.VIDEO_LEVEL)
    [media] = scenes.media_of(world, run)
    assert media.video_level_metadata == {"program_summary": "1 scenes, 1 tones"}
    assert (media.video_level_status, media.omitted_segment_ids) == ("partial", [row.segment_id])
    retry(world, run, row, "again")
    world.deliver()
    [media] = scenes.media_of(world, run)
    assert media.video_level_metadata == {"program_summary": "2 scenes, 2 tones"}
    assert (media.status, media.video_level_status, media.omitted_segment_ids) == (MediaState.COMPLETED, "completed", [])
    run = scenes.again(world, run)
    assert (run.status, run.counts["video_level_completed_items"]) == (RunStatus.COMPLETED, 1)


def test_a_retry_that_fails_leaves_what_was_there(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    gemini.say = refusing("headline")
    asked = retry(world, run, row, "again")
    world.deliver()
    done = retry_of(world, run, row, asked["retry_id"])
    assert (done["status"], done["failure_code"], done["failure_stage"]) == ("failed", "model_refused", "field_extraction")
    after = row_again(world, row)
    assert (after.transcript, after.failure_code, after.status) == (row.transcript, row.failure_code, SegmentState.FAILED)
    assert after.retry_id == ""
    assert live_texts(world, after) == [1]
    assert scenes.again(world, run).status == RunStatus.COMPLETED_WITH_FAILURES


def test_a_retry_may_be_tried_again_with_another_key(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    gemini.say = refusing("headline")
    first = retry(world, run, row, "one")
    world.deliver()
    gemini.say = _well
    second = retry(world, run, row, "two")
    world.deliver()
    assert first["retry_id"] != second["retry_id"]
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def test_the_same_key_names_the_same_retry_also_after_its_end(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    first = retry(world, run, row, "again")
    assert retry(world, run, row, "again")["retry_id"] == first["retry_id"]
    world.deliver()
    late = retry(world, run, row, "again")
    assert (late["retry_id"], late["status"]) == (first["retry_id"], "completed")
    assert len(gemini.asked) == 1


def test_a_second_retry_of_a_segment_waits_for_the_first(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    first = retry(world, run, row, "one")
    with pytest.raises(ApiError) as refused:
        retry(world, run, row, "two")
    assert (refused.value.code, refused.value.details) == (ErrorCode.CONFLICT, {"retry_id": first["retry_id"]})


def test_a_segment_without_a_failure_and_a_run_under_way_are_not_retried(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    [sound] = [one for one in world.store.stream(SegmentResult, _rows(world, row)) if not one.has_failures]
    under_way = scenes.a_run(world, run.tenant, [])
    for one, segment in ((run, sound), (under_way, row)):
        with pytest.raises(ApiError) as refused:
            retry(world, one, segment, "again")
        assert refused.value.code in (ErrorCode.CONFLICT, ErrorCode.VIDEO_NOT_FOUND)


def _rows(world: World, row: SegmentResult) -> Any:
    return world.store.collection(SegmentResult, row.tenant, row.run_id, row.video_id)


def test_every_message_of_a_retry_delivered_twice_changes_nothing(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline", video_level=scenes.VIDEO_LEVEL)
    for stage in world.stages.values():
        receive = stage.receive
        stage.receive = lambda body, receive=receive: (receive(body), receive(body))[1]  # type: ignore[method-assign]
    retry(world, run, row, "again")
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.COMPLETED
    assert len(gemini.asked) == 2  # the fields, and the media as a whole
    assert kinds(world, run).count(EventType.PROMPT_RUN_COMPLETED) == 1


def lose_the_first(world: World, stage: str) -> list[Command]:
    """The next message to this stage is accepted and never arrives."""
    lost: list[Command] = []
    send = world.queues.send

    def lossy(command: Command, **options: Any) -> None:
        if stage == command.FUNCTION and not lost:
            lost.append(command)
        else:
            send(command, **options)

    world.queues.send = lossy  # type: ignore[method-assign]
    return lost


@pytest.mark.parametrize("stage", ["process-segment", "settle-run", "synthesize-video"])
def test_a_lost_message_of_a_retry_is_sent_again(world: World, gemini: Gemini, stage: str) -> None:
    run, row = a_failed_run(world, gemini, "headline", video_level=scenes.VIDEO_LEVEL)
    lost = lose_the_first(world, stage)
    asked = retry(world, run, row, "again")
    world.deliver()
    assert lost and retry_of(world, run, row, asked["retry_id"])["status"] in (RetryState.PENDING, RetryState.PROCESSING)
    for _ in range(6):
        world.clock.advance(120)
        world.tick()
        world.deliver()
    assert retry_of(world, run, row, asked["retry_id"])["status"] == RetryState.COMPLETED
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def test_two_segments_retried_at_once_mend_one_run(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: REFUSED if asks_for(body, "headline") else _well(body)
    video = scenes.a_video(world, tenant, FILM)
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL, **CUT)
    world.deliver()
    run = scenes.again(world, run)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "model_refused")
    gemini.say = _well
    rows = scenes.results_of(world, run, video)
    asked = [retry(world, run, row, "again") for row in rows]
    world.deliver()
    states = [retry_of(world, run, row, one["retry_id"])["status"] for row, one in zip(rows, asked, strict=True)]
    run = scenes.again(world, run)
    assert states == ["completed", "completed"]
    assert (run.status, run.error_code, run.error_message) == (RunStatus.COMPLETED, "", "")
    [media] = scenes.media_of(world, run)
    assert media.video_level_metadata == {"program_summary": "2 scenes, 2 tones"}


def test_the_calls_of_a_retry_stand_beside_those_that_failed(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    retry(world, run, row, "again")
    world.deliver()
    calls = world.store.stream(LlmCall, world.store.collection(LlmCall, run.tenant))
    of_row = [c.status for c in calls if c.segment_id == row.segment_id and c.purpose == "segment_extraction"]
    assert sorted(of_row) == ["completed", "failed"]


def test_a_deleted_item_ends_the_retry_of_its_segment(world: World, gemini: Gemini) -> None:
    run, row = a_failed_run(world, gemini, "headline")
    asked = retry(world, run, row, "again")
    batch = world.store.batch()
    video = world.store.get(Video, row.tenant, row.video_id)
    assert video is not None
    batch.change(video, deleted_at=world.store.clock())
    batch.commit()
    world.stages["process-segment"].receive(_command(row, asked).model_dump_json().encode())
    batch = world.store.batch()
    batch.change(video, deleted_at=None)
    batch.commit()
    done = retry_of(world, run, row, asked["retry_id"])
    assert (done["status"], done["failure_code"]) == ("failed", "media_deleted")


def _command(row: SegmentResult, asked: dict) -> ProcessSegment:
    return ProcessSegment(
        tenant=row.tenant, run_id=row.run_id, video_id=row.video_id, segment_id=row.segment_id, retry_id=asked["retry_id"]
    )
