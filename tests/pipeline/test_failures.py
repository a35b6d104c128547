"""Each operation of a segment fails alone, under a stable code; what the others found stays, and a retry mends the run."""

from typing import Any

import pytest

from shared.domain.failures import FailureCode, next_step
from shared.domain.runs import MediaState, Run, RunStatus, SegmentResult, SegmentState
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.requests_of_users import failed_segments, retry, retry_of
from tests.pipeline.world import World

FILM = films.film(["red"], seconds_each=1.0, tone=True)
CUT: dict[str, Any] = {"video_segmentation_type": "fixed", "video_segment_duration": 1}
SERVER_ERROR = (503, {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})
GARBAGE = (200, {"candidates": [{"content": {"parts": [{"text": "{"}]}, "finishReason": "STOP"}]})


def _well(body: dict) -> tuple[int, dict]:
    if asks_for(body, "utterances"):
        return answer({"utterances": [{"start_seconds": 0.0, "end_seconds": 1.0, "text": "a long tone"}]})
    return answer({"headline": "a plain colour"})


def ended(world: World, gemini: Gemini, field: str, said: tuple[int, dict]) -> tuple[Run, SegmentResult]:
    gemini.say = lambda body: said if asks_for(body, field) else _well(body)
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    run = scenes.a_run(world, tenant, [video], **CUT)
    world.deliver(horizon=3600)
    gemini.say = _well
    [row] = scenes.results_of(world, run, video)
    return scenes.again(world, run), row


@pytest.mark.parametrize("field", ["headline", "utterances"])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((400, {"error": {"code": 400, "message": "no"}}), "model_refused"),
        (SERVER_ERROR, "attempts_exhausted"),
        (answer({}, finish="MAX_TOKENS"), "output_too_long"),
        (answer({}, finish="SAFETY"), "model_blocked"),
        (answer({}, finish="OTHER"), "model_stopped"),
        ((200, {"candidates": []}), "model_stopped"),
        (GARBAGE, ""),
    ],
    ids=["refused", "down", "too long", "blocked", "stopped", "nothing", "garbage"],
)
def test_a_bad_answer_fails_its_operation_alone_and_a_retry_mends_it(
    world: World, gemini: Gemini, field: str, said: tuple[int, dict], code: str
) -> None:
    run, row = ended(world, gemini, field, said)
    fields = field == "headline"
    assert row.failure_code == (code or ("schema_mismatch" if fields else "transcript_unreadable"))
    assert row.failure_stage == ("field_extraction" if fields else "transcription")
    assert (row.field_extraction_succeeded, row.transcription_succeeded) == (not fields, fields)
    assert row.image_embedding_succeeded
    assert (row.metadata, row.transcript) == (({}, "a long tone") if fields else ({"headline": "a plain colour"}, ""))
    assert run.status == (RunStatus.FAILED if fields else RunStatus.COMPLETED_WITH_FAILURES)
    assert next_step(row.failure_code)
    mended(world, run, row)


def mended(world: World, run: Run, row: SegmentResult) -> None:
    asked = retry(world, run, row, "again")
    world.deliver()
    done = retry_of(world, run, row, asked["retry_id"])
    after = world.store.get(SegmentResult, row.tenant, row.run_id, row.video_id, row.segment_id)
    assert done["status"] == "completed", done
    assert after is not None and (after.status, after.has_failures) == (SegmentState.SUCCESSFUL, False)
    assert (after.metadata, after.transcript) == ({"headline": "a plain colour"}, "a long tone")
    assert after.image_embedding_succeeded
    assert scenes.again(world, run).status == RunStatus.COMPLETED


def _shows_a_picture(body: dict) -> bool:
    return "inlineData" in str(body) or "inline_data" in str(body)


@pytest.mark.parametrize("status", [400, 503])
def test_a_picture_that_is_not_embedded_leaves_fields_and_words(world: World, gemini: Gemini, status: int) -> None:
    refusal = (status, {"error": {"code": status, "message": "no"}})
    gemini.refuse_to_embed = lambda body: refusal if _shows_a_picture(body) else None
    run, row = ended(world, gemini, "nothing", SERVER_ERROR)
    assert (row.status, row.failure_stage) == (SegmentState.SUCCESSFUL, "image_embedding")
    assert row.failed_operations == ["image_embedding"]
    assert (row.metadata, row.transcript) == ({"headline": "a plain colour"}, "a long tone")
    assert (run.status, run.counts["image_embedding_failures"]) == (RunStatus.COMPLETED_WITH_FAILURES, 1)
    gemini.refuse_to_embed = lambda body: None
    gemini.asked.clear()
    mended(world, run, row)
    assert gemini.asked == []  # neither fields nor words are asked for again


@pytest.mark.parametrize("status", [400, 503])
def test_texts_that_are_not_embedded_keep_what_was_found_and_a_retry_only_embeds(
    world: World, gemini: Gemini, status: int
) -> None:
    refusal = (status, {"error": {"code": status, "message": "no"}})
    gemini.refuse_to_embed = lambda body: None if _shows_a_picture(body) else refusal
    run, row = ended(world, gemini, "nothing", SERVER_ERROR)
    assert (row.status, row.failure_stage, row.vector_attempt) == (SegmentState.FAILED, "text_embedding", 0)
    assert row.failed_operations == ["processing"]
    assert row.field_extraction_succeeded and row.transcription_succeeded and row.image_embedding_succeeded
    assert (row.metadata, row.transcript) == ({"headline": "a plain colour"}, "a long tone")
    assert failed_segments(world, run)["operation_counts"]["processing"] == 1
    gemini.refuse_to_embed = lambda body: None
    gemini.asked.clear()
    mended(world, run, row)
    assert gemini.asked == []


def test_media_that_is_gone_fails_as_a_whole_and_says_what_to_do(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    world.objects.delete_below(world.objects.originals, f"media/{tenant}/{video.video_id}/")
    run = scenes.a_run(world, tenant, [video])
    world.deliver()
    [media] = scenes.media_of(world, run)
    assert (media.status, media.failure_code, media.failure_stage) == (MediaState.FAILED, FailureCode.MEDIA_GONE, "probe")
    [told] = failed_segments(world, scenes.again(world, run))["videos"]
    assert (told["segments"], told["operation_counts"]["processing"]) == ([], 1)
    assert told["next_step"]


def test_a_picture_that_cannot_be_read_leaves_fields_and_words(
    world: World, gemini: Gemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_order(uri: str) -> bytes:
        raise ConnectionError(uri)

    monkeypatch.setattr(world.objects, "read", out_of_order)
    run, row = ended(world, gemini, "nothing", SERVER_ERROR)
    assert (row.failed_operations, row.failure_code) == (["image_embedding"], "attempts_exhausted")
    assert (row.metadata, row.transcript) == ({"headline": "a plain colour"}, "a long tone")
    monkeypatch.undo()
    mended(world, run, row)
