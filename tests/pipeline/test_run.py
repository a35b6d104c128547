"""The life of a run, from the first message to the last."""

from shared.domain.events import Event, EventType
from shared.domain.media import Video
from shared.domain.runs import LlmCall, MediaState, RunStatus, SegmentState
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.world import World


def test_a_run_ends_with_a_result_for_every_segment(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: answer({"utterances": []} if asks_for(body, "utterances") else {"headline": "a plain colour"})
    video = scenes.a_video(world, tenant, films.film(["red", "green", "blue"], tone=True))
    run = scenes.a_run(world, tenant, [video])
    world.deliver()

    run = scenes.again(world, run)
    rows = scenes.results_of(world, run, video)
    assert run.status == RunStatus.COMPLETED, (run, rows)
    assert [row.start for row in rows] == [0.0, 5.0, 10.0]
    assert rows[-1].end == video.duration_seconds
    assert all(row.metadata == {"headline": "a plain colour"} for row in rows)
    assert all(row.field_extraction_succeeded and row.transcription_succeeded and row.image_embedding_succeeded for row in rows)
    assert run.counts["completed_segments"] == run.counts["total_segments"] == 3
    assert run.created_new_segments
    assert run.wake_at is None and all(row.wake_at is None for row in rows)


def test_the_media_wide_synthesis_sees_what_the_segments_said(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()

    def say(body: dict) -> tuple[int, dict]:
        if asks_for(body, "program_summary"):
            prompt = body["contents"][0]["parts"][0]["text"]
            return answer({"program_summary": f"{prompt.count('colour of')} scenes"})
        return answer({"utterances": []} if asks_for(body, "utterances") else {"headline": "colour of the day"})

    gemini.say = say
    video = scenes.a_video(world, tenant, films.film(["red", "blue"]))
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL)
    world.deliver()

    [media] = scenes.media_of(world, run)
    assert media.status == MediaState.COMPLETED
    assert media.video_level_metadata == {"program_summary": "2 scenes"}
    assert scenes.again(world, run).counts["video_level_completed_items"] == 1


def test_the_events_of_a_run_are_numbered_without_a_gap_and_end_once(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "blue"]))
    scenes.a_run(world, tenant, [video])
    world.deliver()

    rows = list(world.store.stream(Event, world.store.collection(Event, tenant)))
    assert sorted(row.seq for row in rows) == list(range(1, len(rows) + 1))
    kinds = [row.event_type for row in sorted(rows, key=lambda row: row.seq)]
    assert kinds[0] == EventType.MEDIA_CREATED
    media = EventType.MEDIA_PROCESSING_STARTED, EventType.MEDIA_PROCESSING_COMPLETED
    for once in (EventType.PROMPT_RUN_STARTED, EventType.PROMPT_RUN_COMPLETED, *media):
        assert kinds.count(once) == 1


def test_every_message_delivered_twice_changes_nothing(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "blue"]))
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL)
    for stage in world.stages.values():
        stage.receive = _twice(stage.receive)  # type: ignore[method-assign]
    world.deliver()

    run = scenes.again(world, run)
    assert run.status == RunStatus.COMPLETED
    extractions = [body for body in gemini.asked if asks_for(body, "headline")]
    assert len(extractions) == 2
    assert len(scenes.results_of(world, run, video)) == 2


def _twice(receive):  # type: ignore[no-untyped-def]
    def both(body: bytes):  # type: ignore[no-untyped-def]
        receive(body)
        return receive(body)

    return both


def test_a_second_run_with_the_same_settings_reuses_the_segments(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "blue"]))
    first, second = scenes.a_run(world, tenant, [video]), scenes.a_run(world, tenant, [video])
    world.deliver()
    ids = [[row.segment_id for row in scenes.results_of(world, run, video)] for run in (first, second)]
    assert ids[0] == ids[1]
    assert [scenes.again(world, run).created_new_segments for run in (first, second)] == [True, False]


def test_a_run_over_nothing_ends(world: World) -> None:
    run = scenes.a_run(world, scenes.a_tenant(), [])
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def test_the_video_is_processing_while_a_run_is_and_processed_after(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red"]))
    seen: list[str] = []

    def look() -> None:
        found = world.store.get(Video, tenant, video.video_id)
        assert found is not None
        seen.append(found.status)

    scenes.a_run(world, tenant, [video])
    world.before["process-segment"] = look
    world.deliver()
    look()
    assert seen == ["processing", "processed"]


def test_a_model_that_refuses_fails_its_operation_alone(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: (
        (400, {"error": {"code": 400, "message": "no"}}) if asks_for(body, "utterances") else answer({"headline": "x"})
    )
    video = scenes.a_video(world, tenant, films.film(["red"], tone=True))
    run = scenes.a_run(world, tenant, [video])
    world.deliver()

    [row] = scenes.results_of(world, run, video)
    assert (row.status, row.failure_stage, row.failure_code) == (SegmentState.SUCCESSFUL, "transcription", "model_refused")
    run = scenes.again(world, run)
    assert run.status == RunStatus.COMPLETED_WITH_FAILURES
    assert run.counts["transcription_failures"] == 1


def test_an_answer_that_does_not_fit_is_mended_without_sending_the_media_again(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()

    def say(body: dict) -> tuple[int, dict]:
        with_media = any("fileData" in part for part in body["contents"][0]["parts"])
        return answer({"headline": 7} if with_media else {"headline": "seven"})

    gemini.say = say
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.deliver()
    [row] = scenes.results_of(world, run, video)
    assert row.metadata == {"headline": "seven"}
    assert "mended" in row.processing_warning


def test_a_passing_failure_of_the_model_is_tried_again(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    failures = [503, 503]

    def say(body: dict) -> tuple[int, dict]:
        if failures:
            return failures.pop(), {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
        return answer({"headline": "at last"})

    gemini.say = say
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def test_a_failure_that_stays_ends_the_run_with_a_cause(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: (503, {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.deliver(horizon=3600)
    run = scenes.again(world, run)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "attempts_exhausted")


def test_being_throttled_does_not_count_as_an_attempt(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    throttled = [429] * 8

    def say(body: dict) -> tuple[int, dict]:
        if throttled:
            return throttled.pop(), {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
        return answer({"headline": "at last"})

    gemini.say = say
    video = scenes.a_video(world, tenant, films.film(["red"]))
    run = scenes.a_run(world, tenant, [video])
    world.deliver(horizon=3600)
    assert scenes.again(world, run).status == RunStatus.COMPLETED
    [row] = scenes.results_of(world, run, video)
    assert row.failures == 0


def test_every_call_of_a_model_is_written_down(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: answer({"headline": "x"})
    run = scenes.a_run(world, tenant, [scenes.a_video(world, tenant, films.film(["red"]))])
    world.deliver()
    [call] = list(world.store.stream(LlmCall, world.store.collection(LlmCall, tenant)))
    assert (call.purpose, call.status, call.input_tokens, call.output_tokens) == ("segment_extraction", "completed", 11, 7)
    assert call.run_id == run.run_id and call.model == "scripted-model"


def test_an_image_is_one_segment_and_audio_has_no_picture(world: World) -> None:
    tenant = scenes.a_tenant()
    image = scenes.a_video(world, tenant, films.picture())
    run = scenes.a_run(world, tenant, [image])
    world.deliver()
    [row] = scenes.results_of(world, run, image)
    assert (row.start, row.end, row.transcription_succeeded, row.image_embedding_succeeded) == (0.0, 0.0, None, True)
    assert scenes.again(world, run).counts["completed_images"] == 1
