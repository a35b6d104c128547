"""How a run gets from a model's answer to data that fits the user's schema."""

import json
from collections.abc import Callable
from typing import Any

from shared.domain.reliefs import SchemaRelief
from shared.domain.runs import LlmCall, Run, RunStatus, SegmentResult
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, Say, answer, asks_for, refusal
from tests.pipeline.world import World

STATES = "The specified schema produces a constraint that has too many states for serving."
SCHEMA = {
    "type": "object",
    "properties": {
        "mood": {"enum": ["calm", "tense"]},
        "people": {"type": "integer", "minimum": 0, "maximum": 99},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    },
    "required": ["mood"],
    "additionalProperties": False,
}
GOOD = {"mood": "calm", "people": 2, "tags": ["a"]}


def a_run(world: World, tenant: str, colours: list[str], *, video: Any = None) -> tuple[Run, Callable[[], list[SegmentResult]]]:
    video = video or scenes.a_video(world, tenant, films.film(colours))
    run = scenes.a_run(world, tenant, [video], send=False, enable_transcription=False)
    batch = world.store.batch()
    batch.change(run, prompt={**run.prompt, "json_schema": SCHEMA})
    batch.commit()
    world.queues.send(scenes.PlanRun(tenant=tenant, run_id=run.run_id), slot="execute")
    world.deliver()
    return scenes.again(world, run), lambda: scenes.results_of(world, run, video)


def schema_asked(body: dict[str, Any]) -> dict[str, Any] | None:
    return body["generationConfig"].get("responseJsonSchema")


def refusing(too_much: Callable[[dict[str, Any] | None], bool], data: Any = GOOD) -> Say:
    """A service that finds some schemas too complex."""
    return lambda body: refusal(400, STATES) if too_much(schema_asked(body)) else answer(data)


def calls_of(world: World, tenant: str) -> list[LlmCall]:
    return list(world.store.stream(LlmCall, world.store.collection(LlmCall, tenant)))


def test_small_faults_are_mended_without_asking_again_and_the_user_is_told(world: World, gemini: Gemini) -> None:
    gemini.say = lambda body: answer({"mood": "Calm", "people": "2", "tags": ["a", "b", "c"], "extra": 1})
    run, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert row.metadata == {"mood": "calm", "people": 2, "tags": ["a", "b"]}
    assert run.status == RunStatus.COMPLETED and len(gemini.asked) == 1
    for told in ("mood ('Calm' taken as 'calm')", "people", "tags (3 items cut to 2)", "extra (not in the schema, left out)"):
        assert told in row.processing_warning


def test_a_fault_of_fact_is_sent_back_without_the_media(world: World, gemini: Gemini) -> None:
    gemini.say = lambda body: answer(GOOD if len(gemini.asked) > 1 else {"mood": "joyful"})
    _, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert row.metadata == GOOD and "was mended" in row.processing_warning
    [asked, repair] = gemini.asked
    assert "fileData" in asked["contents"][0]["parts"][0]
    assert [list(part) for part in repair["contents"][0]["parts"]] == [["text"]]
    assert "mood" in repair["contents"][0]["parts"][0]["text"]


def test_an_answer_that_two_repairs_do_not_mend_fails_the_segment_with_a_reason(world: World, gemini: Gemini) -> None:
    gemini.say = lambda body: answer({"mood": "joyful"})
    run, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert run.status == RunStatus.FAILED and row.failure_code == "schema_mismatch"
    assert "mood" in row.field_extraction_error and len(gemini.asked) == 3


def test_a_schema_with_too_many_states_is_relieved_step_by_step(world: World, gemini: Gemini) -> None:
    gemini.say = refusing(lambda schema: "maximum" in schema["properties"]["people"])
    _, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert row.metadata == GOOD and "without bounds of numbers and formats" in row.processing_warning
    [refused, taken] = [schema_asked(body)["properties"]["people"] for body in gemini.asked]
    assert (refused["maximum"], "maximum" in taken) == (99, False)
    assert "is at most 99" in taken["description"]


def test_the_last_step_asks_for_json_with_the_schema_in_the_prompt(world: World, gemini: Gemini) -> None:
    fenced = refusing(lambda schema: schema is not None)

    def say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, said = fenced(body)
        if status == 200:
            part = said["candidates"][0]["content"]["parts"][0]
            part["text"] = f"```json\n{part['text']}\n```"
        return status, said

    gemini.say = say
    _, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert row.metadata == GOOD and "only as part of the prompt" in row.processing_warning
    last = gemini.asked[-1]
    assert last["generationConfig"]["responseMimeType"] == "application/json" and schema_asked(last) is None
    assert json.dumps(SCHEMA) in last["contents"][0]["parts"][1]["text"]


def test_the_refusal_is_paid_once_for_all_segments_and_later_runs_of_the_schema(world: World, gemini: Gemini) -> None:
    gemini.say = refusing(lambda schema: schema is not None and "maxItems" in schema["properties"]["tags"])
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red", "green", "blue"]))
    a_run(world, tenant, [], video=video)
    refused = [call for call in calls_of(world, tenant) if call.status == "failed"]
    assert len(gemini.asked) == 3 + len(refused) and len(refused) == 2  # bounds, then lengths: no list of values is long here
    a_run(world, tenant, [], video=video)
    assert len([call for call in calls_of(world, tenant) if call.status == "failed"]) == 2
    assert len(list(world.store.stream(SchemaRelief, world.store.collection(SchemaRelief, tenant)))) == 1


def test_any_other_refusal_fails_at_once(world: World, gemini: Gemini) -> None:
    gemini.say = lambda body: refusal(400, "Unable to process input media.")
    _, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert row.failure_code == "model_refused" and len(gemini.asked) == 1


def test_what_the_local_models_tell_beside_their_answer_reaches_the_user_and_the_log(world: World, gemini: Gemini) -> None:
    note = {"unknown": ["people"], "evidence": {"mood": [{"sense": "reading", "text": "CALM", "at": 1.5}]}}

    def say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, said = answer({"mood": "calm"})
        said["modelVersion"] = "offline-evidence"
        said["candidates"][0]["finishMessage"] = json.dumps(note)
        return status, said

    gemini.say = say
    tenant = scenes.a_tenant()
    _, rows = a_run(world, tenant, ["red"])
    [row] = rows()
    assert "not known: people" in row.processing_warning
    [call] = calls_of(world, tenant)
    assert call.response["evidence"] == note["evidence"]
    assert not asks_for(gemini.asked[0], "utterances")


def test_words_with_times_come_with_the_transcript_where_the_model_tells_them(world: World, gemini: Gemini) -> None:
    spoken = {"start": 0.5, "text": "hello there", "words": [["hello", 0.5, 0.8, 0.9], ["there", 0.9, 1.2, 0.7]]}

    def say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        utterances = [
            {"start_seconds": 0.5, "end_seconds": 1.2, "text": "hello there"},
            {"start_seconds": 2.0, "end_seconds": 2.5, "text": "yes"},
        ]
        status, said = answer({"utterances": utterances} if asks_for(body, "utterances") else {"headline": "x"})
        said["modelVersion"] = "offline-evidence"
        said["candidates"][0]["finishMessage"] = json.dumps({"evidence": {"utterances[]": [spoken]}})
        return status, said

    gemini.say = say
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, films.film(["red"], tone=True))
    run = scenes.a_run(world, tenant, [video])
    world.deliver()
    [row] = scenes.results_of(world, run, video)
    first, second = row.utterances
    assert [(one["text"], one["start"]) for one in first["words"]] == [("hello", 0.5), ("there", 0.9)]
    assert row.transcript == "hello there yes" and "words" not in second


def test_an_optional_field_that_cannot_be_mended_is_left_out_and_told(world: World, gemini: Gemini) -> None:
    gemini.say = lambda body: answer({**GOOD, "people": 500})
    run, rows = a_run(world, scenes.a_tenant(), ["red"])
    [row] = rows()
    assert run.status == RunStatus.COMPLETED and len(gemini.asked) == 3
    assert row.metadata == {"mood": "calm", "tags": ["a"]}
    assert "people (did not fit, left out)" in row.processing_warning
