"""Tables of runs: built when a run ends, built anew when something changes, and never a way to see what was deleted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.pipeline.settle_run.run_tables import want_tables
from shared.domain.media import Video
from shared.domain.runs import Run, RunStatus, SegmentResult
from shared.domain.tables import RunTables, TablesState, tables_prefix
from shared.messaging.messages import BuildTables, SettleRun
from shared.store.deletions import Deletions
from shared.store.run_tables import PATIENCE, RunTablesOf
from shared.tables.sandbox import Sandbox
from tests.pipeline import scenes
from tests.pipeline.filter_house import FilterHouse
from tests.pipeline.world import World

HAPPY = {
    "headline": "Harbour at dawn",
    "viewers": 12,
    "confidence": 0.75,
    "outdoors": True,
    "tags": ["sea", "boat"],
    "scene": {"location": "harbour", "people": [{"name": "Ada", "emotion": "happy", "age": 36, "wears": ["hat", "coat"]}]},
}
SAD = {
    "headline": "Rain in town",
    "viewers": 3,
    "confidence": 0.5,
    "outdoors": False,
    "tags": [],
    "scene": {
        "location": "town",
        "people": [{"name": "Bob", "emotion": "sad", "age": 50, "wears": []}, {"name": "Cy", "emotion": "calm", "age": 7}],
    },
}
EMPTY: dict[str, Any] = {"headline": ""}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    made.start()
    yield made
    made.close()


@pytest.fixture
def house(world: World, tmp_path: Path, sandbox: Sandbox) -> FilterHouse:
    return FilterHouse(world, tmp_path / "copies", sandbox)


def tables_of(house: FilterHouse, run: Run) -> RunTables:
    found = house.world.store.get(RunTables, run.tenant, run.run_id)
    assert found is not None
    return found


def filtered(
    house: FilterHouse, index_id: str, field: str, operator: str, kind: str, value: Any = None, **body: Any
) -> list[str]:
    condition = {"field": field, "operator": operator, "type": kind}
    if value is not None:
        condition["value"] = value
    answer = house.call(f"/search/filter/{index_id or 'playground'}", {"conditions": [condition], **body})
    assert answer.status == 200, answer.body
    return [one["extracted_metadata"]["headline"] for one in answer.json["results"]]


def objects_below(house: FilterHouse, prefix: str) -> list[str]:
    client, bucket = house.world.objects._client, house.world.objects.derived
    return [blob.name for blob in client.list_blobs(bucket, prefix=prefix)]


def test_a_run_that_ends_gets_tables(house: FilterHouse) -> None:
    run = house.run([(house.video(), [HAPPY, SAD, EMPTY])])
    tables = tables_of(house, run)
    assert (tables.status, tables.row_count, tables.wake_at) == (TablesState.READY, 3, None)
    assert scenes.again(house.world, run).status == RunStatus.COMPLETED


def test_a_cancelled_run_gets_none(house: FilterHouse) -> None:
    run = house.run([(house.video(), [HAPPY])], deliver=False)
    current, batch = scenes.again(house.world, run), house.world.store.batch()
    batch.change(current, stop_state={"requested_at": house.world.store.clock()})
    batch.commit()
    media = scenes.media_of(house.world, run)[0]
    batch = house.world.store.batch()
    batch.change(media, status="cancelled")
    batch.commit()
    house.world.deliver()
    assert scenes.again(house.world, run).status == RunStatus.CANCELLED
    assert house.world.store.get(RunTables, run.tenant, run.run_id) is None


def test_a_lost_message_is_sent_again_by_the_sweep(house: FilterHouse) -> None:
    run = house.run([(house.video(), [HAPPY])], deliver=False)
    assert house.world.stages["settle-run"].receive(SettleRun(tenant=run.tenant, run_id=run.run_id).model_dump_json().encode())
    tables = tables_of(house, run)
    assert tables.status == TablesState.PENDING and tables.wake_at is not None
    for task in house.world.tasks.due(house.world.clock()):
        house.world.tasks.succeeded(task.id, 200)  # taken by nobody
    house.world.clock.advance(120)
    house.world.tick()
    house.world.deliver()
    assert tables_of(house, run).status == TablesState.READY


def test_a_second_message_for_finished_tables_changes_nothing(house: FilterHouse) -> None:
    run = house.run([(house.video(), [HAPPY])])
    before = tables_of(house, run)
    house.world.queues.send(BuildTables(tenant=run.tenant, run_id=run.run_id))
    house.world.deliver()
    assert tables_of(house, run) == before


def test_a_result_that_changes_after_the_end_shows_once_tables_are_asked_for_again(house: FilterHouse) -> None:
    video = house.video()
    run = house.run([(video, [SAD])])
    store = house.world.store
    [row] = scenes.results_of(house.world, run, video)
    batch = store.batch()
    batch.change(row, metadata=HAPPY)
    wish = want_tables(store, batch, scenes.again(house.world, run))
    batch.commit()
    house.world.queues.send(wish)
    house.world.deliver()
    assert filtered(house, "", "scene.location", "equals", "string", "harbour") == ["Harbour at dawn"]
    version = tables_of(house, run).published
    names = objects_below(house, tables_prefix(run.tenant, run.run_id))
    assert names and all(name.startswith(tables_prefix(run.tenant, run.run_id, version)) for name in names)


def test_a_deleted_item_is_gone_from_filter_and_sql_at_once_and_from_the_files_later(house: FilterHouse) -> None:
    kept, lost = house.video(title="Kept"), house.video(title="Lost")
    run = house.run([(kept, [HAPPY]), (lost, [SAD])])
    assert len(filtered(house, "", "headline", "is_not_empty", "string")) == 2
    count = {"query": f"SELECT count(*) AS n, string_agg(video_name, ',' ORDER BY video_name) AS names FROM {run.run_id}"}
    assert house.call("/search/sql/playground", count).json["rows"] == [{"n": 2, "names": "Kept,Lost"}]

    before = tables_of(house, run).published
    current = house.world.store.get(Video, lost.tenant, lost.video_id)
    assert current is not None
    Deletions(house.world.store, house.world.queues).start(current)
    assert filtered(house, "", "headline", "is_not_empty", "string") == ["Harbour at dawn"]
    assert house.call("/search/sql/playground", count).json["rows"] == [{"n": 1, "names": "Kept"}]

    house.world.deliver()
    tables = tables_of(house, run)
    assert (tables.status, tables.row_count) == (TablesState.READY, 1) and tables.published > before
    assert house.call("/search/sql/playground", count).json["rows"] == [{"n": 1, "names": "Kept"}]
    assert objects_below(house, tables_prefix(run.tenant, run.run_id, before)) == []


def test_an_item_deleted_while_tables_are_built_leaves_them_too(house: FilterHouse) -> None:
    kept, lost = house.video(title="Kept"), house.video(title="Lost")
    run = house.run([(kept, [HAPPY]), (lost, [SAD])], deliver=False)
    world = house.world

    def delete() -> None:
        current = world.store.get(Video, lost.tenant, lost.video_id)
        assert current is not None
        Deletions(world.store, world.queues).start(current)

    put = world.objects.put_derived
    calls: list[str] = []

    def put_and_delete(name: str, content: bytes, content_type: str) -> str:
        if not calls:
            delete()
        calls.append(name)
        return put(name, content, content_type)

    world.objects.put_derived = put_and_delete  # type: ignore[method-assign]
    world.deliver(horizon=20)
    assert filtered(house, "", "headline", "is_not_empty", "string") == ["Harbour at dawn"]
    world.deliver()
    assert (tables_of(house, run).status, tables_of(house, run).row_count) == (TablesState.READY, 1)


def test_deleting_an_index_removes_the_tables_of_its_runs(house: FilterHouse) -> None:
    index = scenes.an_index(house.world, house.tenant)
    run = house.run([(house.video(index.index_id), [HAPPY])])
    Deletions(house.world.store, house.world.queues).start(index)
    condition = {"conditions": [{"field": "headline", "operator": "is_not_empty", "type": "string"}]}
    assert house.call(f"/search/filter/{index.index_id}", condition).status == 404
    assert house.call(f"/search/sql/{index.index_id}/catalog", {}).status == 404
    house.world.deliver()
    assert house.world.store.get(RunTables, run.tenant, run.run_id) is None
    assert objects_below(house, tables_prefix(run.tenant, run.run_id)) == []


def test_a_build_that_lost_its_lease_publishes_nothing(house: FilterHouse) -> None:
    run = house.run([(house.video(), [HAPPY])], deliver=False)
    world, store = house.world, house.world.store
    put = world.objects.put_derived

    def put_and_lose(name: str, content: bytes, content_type: str) -> str:
        world.objects.put_derived = put  # type: ignore[method-assign]
        batch = store.batch()
        wish = want_tables(store, batch, scenes.again(world, run))
        batch.commit()
        world.queues.send(wish)
        return put(name, content, content_type)

    world.objects.put_derived = put_and_lose  # type: ignore[method-assign]
    world.deliver()
    tables = tables_of(house, run)
    assert (tables.status, tables.attempt, tables.published) == (TablesState.READY, 2, 2)


def test_a_failed_segment_has_no_row(house: FilterHouse) -> None:
    video = house.video()
    run = house.run([(video, [HAPPY, SAD])], deliver=False)
    row = scenes.results_of(house.world, run, video)[1]
    batch = house.world.store.batch()
    batch.change(row, status="failed")
    batch.commit()
    house.world.deliver()
    assert tables_of(house, run).row_count == 1
    assert isinstance(row, SegmentResult)


def test_tables_of_a_run_that_just_ended_are_waited_for(house: FilterHouse) -> None:
    """Whoever saw the run complete may filter at once, with the run named or without."""
    tables = RunTablesOf(house.world.store, PATIENCE, lambda _: house.world.deliver())
    run = ended_without_tables(house)
    assert [one.run_id for one in tables.of_runs(run.tenant, [run.run_id])] == [run.run_id]
    run = ended_without_tables(house)
    assert run.run_id in [one.run_id for one in tables.over_indexes(run.tenant, [""], limit=9)]


def test_tables_that_nobody_builds_are_waited_for_no_longer_than_patience_says(house: FilterHouse) -> None:
    run = ended_without_tables(house)
    began = house.world.clock()
    assert RunTablesOf(house.world.store, PATIENCE, house.world.clock.advance).of_runs(run.tenant, [run.run_id]) == []
    assert PATIENCE <= timedelta(seconds=house.world.clock() - began) < 2 * PATIENCE


def ended_without_tables(house: FilterHouse) -> Run:
    run = house.run([(house.video(), [HAPPY])], deliver=False)
    assert house.world.stages["settle-run"].receive(SettleRun(tenant=run.tenant, run_id=run.run_id).model_dump_json().encode())
    return run
