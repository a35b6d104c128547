"""Asking the same thing about the same media twice: the second run has the answers without asking, and owns what it found."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.media import Video
from shared.domain.reuse import EarlierAnswer
from shared.domain.runs import LlmCall, Run, RunStatus
from shared.vectors.ids import TextId
from shared.vectors.index import DIMENSIONS, Query
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.requests_of_users import delete, failed_segments
from tests.pipeline.world import World

FILM = films.film(["red", "blue"], seconds_each=1.0, tone=True)
CUT: dict[str, Any] = {"video_segmentation_type": "fixed", "video_segment_duration": 1}


def _say(body: dict) -> tuple[int, dict]:
    if asks_for(body, "utterances"):
        return answer({"utterances": [{"start_seconds": 0.0, "end_seconds": 1.0, "text": "a long tone"}]})
    return answer({"program_summary": "two colours"} if asks_for(body, "program_summary") else {"headline": "a plain colour"})


def a_done_run(world: World, gemini: Gemini) -> tuple[Run, Video]:
    gemini.say = _say
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL, **CUT)
    world.deliver()
    assert scenes.again(world, run).status == RunStatus.COMPLETED
    gemini.asked.clear()
    return run, video


def again(world: World, video: Video, **settings: Any) -> Run:
    run = scenes.a_run(world, video.tenant, [video], **{"video_level": scenes.VIDEO_LEVEL, **CUT, **settings})
    world.deliver()
    return scenes.again(world, run)


def calls_of(world: World, run: Run) -> list[LlmCall]:
    calls = world.store.stream(LlmCall, world.store.collection(LlmCall, run.tenant))
    return [call for call in calls if call.run_id == run.run_id]


def test_the_same_prompt_over_the_same_media_asks_no_model(world: World, gemini: Gemini) -> None:
    first, video = a_done_run(world, gemini)
    second = again(world, video)
    assert gemini.asked == [] and calls_of(world, second) == []
    assert second.status == RunStatus.COMPLETED
    assert second.counts["reused_segments"] == 2
    found = [[(r.metadata, r.transcript, r.utterances) for r in scenes.results_of(world, run, video)] for run in (first, second)]
    assert found[0] == found[1]
    assert {row.reused_from for row in scenes.results_of(world, second, video)} == {first.run_id}
    [media] = scenes.media_of(world, second)
    assert (media.video_level_metadata, media.video_level_attempted) == ({"program_summary": "two colours"}, False)


def test_a_run_that_reuses_has_vectors_of_its_own(world: World, gemini: Gemini) -> None:
    _, video = a_done_run(world, gemini)
    second = again(world, video)
    anywhere = Query([1.0] + [0.0] * (DIMENSIONS - 1), allow={"tenant": [video.tenant], "run": [second.run_id]}, limit=100)
    found = [TextId.parse(hit.id) for hit in world.vectors.find(anywhere)]
    rows = scenes.results_of(world, second, video)
    assert {one.segment_id for one in found if one} == {"", *(row.segment_id for row in rows)}
    assert all(row.image_embedding_succeeded and row.vector_attempt == row.attempt for row in rows)


def test_a_third_run_finds_the_answers_of_the_first(world: World, gemini: Gemini) -> None:
    first, video = a_done_run(world, gemini)
    again(world, video)
    third = again(world, video)
    assert gemini.asked == []
    assert {row.reused_from for row in scenes.results_of(world, third, video)} == {first.run_id}


def test_force_asks_again(world: World, gemini: Gemini) -> None:
    _, video = a_done_run(world, gemini)
    second = again(world, video, force=True)
    assert len(gemini.asked) == 5 == len(calls_of(world, second))
    assert second.counts["reused_segments"] == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"processing_model": "gemini-2.5-pro"},
        {"video_segment_duration": 2},
        {"enable_transcription": False},
        {"prompt_text": "Extract something else."},
        {"json_schema": {"type": "object", "properties": {"headline": {"type": "string", "description": "shouted"}}}},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_another_question_is_asked(world: World, gemini: Gemini, settings: dict) -> None:
    _, video = a_done_run(world, gemini)
    second = again(world, video, **settings)
    assert second.counts["reused_segments"] == 0
    assert any(asks_for(body, "headline") for body in gemini.asked)


def test_another_video_level_question_is_asked_over_the_answers_that_are_there(world: World, gemini: Gemini) -> None:
    _, video = a_done_run(world, gemini)
    other = {**scenes.VIDEO_LEVEL, "instructions_text": "Summarize it in French."}
    second = again(world, video, video_level=other)
    assert [asks_for(body, "program_summary") for body in gemini.asked] == [True]
    assert second.counts["reused_segments"] == 2


def test_a_segment_that_failed_is_asked_again_and_the_others_are_not(world: World, gemini: Gemini) -> None:
    tenant = scenes.a_tenant()
    gemini.say = _refusing_one(world)
    video = scenes.a_video(world, tenant, FILM)
    first = again(world, video)
    assert first.status == RunStatus.COMPLETED_WITH_FAILURES
    gemini.say = _say
    gemini.asked.clear()
    second = again(world, video)
    assert (second.status, second.counts["reused_segments"]) == (RunStatus.COMPLETED, 1)
    assert sorted(asks_for(body, "headline") for body in gemini.asked) == [False, False, True]


def _refusing_one(world: World) -> Callable[[dict], tuple[int, dict]]:
    def say(body: dict) -> tuple[int, dict]:
        spans = [part["videoMetadata"] for part in body["contents"][0]["parts"] if "fileData" in part]
        if asks_for(body, "headline") and spans[0]["start_offset"].startswith("1."):
            return 400, {"error": {"code": 400, "message": "no"}}
        return _say(body)

    return say


def test_another_tenant_never_gets_the_answers(world: World, gemini: Gemini) -> None:
    a_done_run(world, gemini)
    tenant = scenes.a_tenant()
    other = again(world, scenes.a_video(world, tenant, FILM))
    assert other.counts["reused_segments"] == 0


def test_answers_go_with_their_media(world: World, gemini: Gemini) -> None:
    _, video = a_done_run(world, gemini)
    answers = world.store.collection(EarlierAnswer, video.tenant, video.video_id)
    assert len(list(answers.stream())) == 3  # two segments, and the item as a whole
    delete(world, video)
    world.deliver()
    assert list(answers.stream()) == []


def test_a_media_wide_result_that_failed_is_mended_by_running_again_without_asking_about_segments(
    world: World, gemini: Gemini
) -> None:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: (400, {"error": {"code": 400}}) if asks_for(body, "program_summary") else _say(body)
    video = scenes.a_video(world, tenant, FILM)
    first = again(world, video)
    [told] = failed_segments(world, first)["videos"]
    assert (told["failure_stage"], told["segments"], told["operation_counts"]["processing"]) == ("synthesis", [], 1)
    assert told["next_step"].startswith("Execute the prompt again")
    gemini.say = _say
    gemini.asked.clear()
    second = again(world, video)
    assert [asks_for(body, "program_summary") for body in gemini.asked] == [True]
    assert (first.status, second.status) == (RunStatus.COMPLETED_WITH_FAILURES, RunStatus.COMPLETED)
