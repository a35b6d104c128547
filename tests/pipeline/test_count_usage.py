"""Counts follow what happened: the same however often, in whatever order and at whatever call it is told."""

from datetime import UTC
from typing import Any

import pytest

from emulators.faults import Fault, Faults
from shared.domain.events import Event
from shared.domain.runs import LlmCall
from shared.domain.usage import Tally
from shared.messaging.messages import EventHappened
from shared.store.usage import Usage
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.world import World, build


def tell(world: World, event: Event) -> int:
    return (
        world.stages["count-usage"]
        .receive(EventHappened(tenant=event.tenant, event_id=event.event_id).model_dump_json().encode())
        .status
    )


def events_of(world: World, tenant: str) -> list[Event]:
    return list(world.store.stream(Event, world.store.collection(Event, tenant)))


def counted(world: World, tenant: str) -> Tally:
    month = f"{world.store.clock().astimezone(UTC):%Y-%m}"
    return Usage(world.store).of_periods(tenant, [month]).get(month, Tally())


def a_finished_run(world: World, gemini: Gemini) -> str:
    tenant = scenes.a_tenant()
    gemini.say = lambda body: answer({"utterances": []} if asks_for(body, "utterances") else {"headline": "a colour"})
    video = scenes.a_video(world, tenant, films.film(["red", "green"], tone=True))
    scenes.a_run(world, tenant, [video])
    world.deliver()
    return tenant


def test_a_run_and_its_media_are_counted_once_however_often_they_are_told(world: World, gemini: Gemini) -> None:
    tenant = a_finished_run(world, gemini)
    events = events_of(world, tenant)
    for _ in range(3):
        assert {tell(world, event) for event in reversed(events)} == {200}
    calls = list(world.store.stream(LlmCall, world.store.collection(LlmCall, tenant)))
    found = counted(world, tenant).metrics
    video = next(iter(world.store.db.collection(f"tenants/{tenant}/videos").stream())).to_dict() or {}
    assert found["videos_uploaded"] == found["prompt_runs"] == found["videos_processed"] == 1
    assert found["segments_processed"] == found["segments_created"] == 2
    assert found["uploaded_bytes"] == video["size_bytes"]
    assert found["media_seconds_processed"] == pytest.approx(video["duration_seconds"], abs=0.01)
    assert found["model_calls"] == len(calls)
    assert found.get("input_tokens", 0) == sum(call.input_tokens for call in calls)
    assert found.get("output_tokens", 0) == sum(call.output_tokens for call in calls)
    models = counted(world, tenant).models
    assert list(models) == ["gemini-2.5-flash"] and models["gemini-2.5-flash"]["model_calls"] == len(calls)


def test_media_that_go_before_they_are_counted_again_are_not_counted_down(world: World, gemini: Gemini) -> None:
    tenant = a_finished_run(world, gemini)
    for event in events_of(world, tenant):
        tell(world, event)
    before = counted(world, tenant).metrics
    for document in world.store.db.collection(f"tenants/{tenant}/videos").stream():
        document.reference.delete()
    for event in events_of(world, tenant):
        tell(world, event)
    assert counted(world, tenant).metrics == before


@pytest.mark.parametrize("effect", ["fail", "fail_after"])
@pytest.mark.parametrize("operation", ["firestore.Commit", "firestore.BatchGetDocuments", "firestore.RunAggregationQuery"])
def test_counting_that_was_interrupted_is_done_once(
    tmp_path: Any, gemini: Gemini, vector_url: str, operation: str, effect: Any
) -> None:
    faults = Faults()
    world = build(tmp_path, gemini.url, vector_url, faults)
    try:
        tenant = a_finished_run(world, gemini)
        events = events_of(world, tenant)
        original = faults.take
        for event in events:
            armed = [Fault(operation, effect, status=500)]
            faults.take = lambda name, armed=armed: armed.pop() if armed and name == operation else original(name)  # type: ignore[method-assign, misc]
            if tell(world, event) != 200:
                assert tell(world, event) == 200
        faults.take = original  # type: ignore[method-assign]
        found = counted(world, tenant).metrics
        assert (found["videos_uploaded"], found["prompt_runs"], found["segments_processed"]) == (1, 1, 2)
    finally:
        world.close()
