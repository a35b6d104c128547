"""Filters over what runs found: every operator of every type, pages, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.cursors import Cursors
from shared.domain.errors import ApiError
from shared.tables.conditions import OPERATORS, Condition
from shared.tables.filtering import FilterSearch, Places
from shared.tables.sandbox import Sandbox
from tests.pipeline import scenes
from tests.pipeline.filter_house import FilterHouse
from tests.pipeline.test_tables import EMPTY, HAPPY, SAD, filtered
from tests.pipeline.world import World

H, S, E = "Harbour at dawn", "Rain in town", ""


@pytest.fixture
def house(world: World, tmp_path: Path) -> Iterator[FilterHouse]:
    made = FilterHouse(world, tmp_path / "copies", Sandbox())
    made.run([(made.video(), [HAPPY, SAD, EMPTY])])
    yield made


def refused(house: FilterHouse, condition: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = house.call("/search/filter/playground", {"conditions": [condition], **body})
    assert answer.status == 422, answer.body
    return answer.json["error"]


CASES: list[tuple[str, str, str, Any, list[str]]] = [
    ("headline", "equals", "string", "Rain in town", [S]),
    ("headline", "equals", "string", "rain in town", []),
    ("headline", "contains", "string", "at d", [H]),
    ("headline", "contains", "string", "%", []),
    ("headline", "starts_with", "string", "Rain", [S]),
    ("headline", "ends_with", "string", "town", [S]),
    ("headline", "is_empty", "string", None, [E]),
    ("headline", "is_not_empty", "string", None, [H, S]),
    ("scene.location", "is_empty", "string", None, [E]),
    ("viewers", "equals", "integer", 12, [H]),
    ("viewers", "greater_than", "integer", 3, [H]),
    ("viewers", "greater_equal", "integer", 3, [H, S]),
    ("viewers", "less_than", "integer", 12, [S]),
    ("viewers", "less_equal", "integer", 12, [H, S]),
    ("viewers", "less_than", "number", 3.5, [S]),
    ("confidence", "equals", "number", 0.75, [H]),
    ("confidence", "greater_than", "number", 0.5, [H]),
    ("confidence", "greater_equal", "number", 0.5, [H, S]),
    ("confidence", "less_than", "number", 0.75, [S]),
    ("confidence", "less_equal", "number", 0.4, []),
    ("outdoors", "equals", "boolean", True, [H]),
    ("outdoors", "equals", "boolean", False, [S]),
    ("scene.people[].emotion", "equals", "string", "happy", [H]),
    ("scene.people[].emotion", "equals", "string", "calm", [S]),
    ("scene.people.emotion", "contains", "string", "al", [S]),
    ("scene.people[].emotion", "starts_with", "string", "sa", [S]),
    ("scene.people[].emotion", "ends_with", "string", "py", [H]),
    ("scene.people[].emotion", "is_empty", "string", None, [E]),
    ("scene.people[].emotion", "is_not_empty", "string", None, [H, S]),
    ("scene.people[].age", "equals", "integer", 7, [S]),
    ("scene.people[].age", "greater_than", "integer", 40, [S]),
    ("scene.people[].age", "less_than", "integer", 40, [H, S]),
    ("scene.people[].age", "less_equal", "integer", 6, []),
    ("tags", "item_equals", "array", "boat", [H]),
    ("tags[]", "item_equals", "array", "boa", []),
    ("tags", "item_contains", "array", "oa", [H]),
    ("scene.people[].age", "item_equals", "array", 50, None),  # type: ignore[list-item]
    ("tags", "length_equals", "array", 2, [H]),
    ("tags", "length_equals", "array", 0, [S, E]),
    ("tags", "length_greater", "array", 1, [H]),
    ("tags", "length_less", "array", 2, [S, E]),
    ("tags", "is_empty", "array", None, [S, E]),
    ("tags", "is_not_empty", "array", None, [H]),
    ("tags[]", "equals", "string", "sea", [H]),
    ("scene.people[]", "length_equals", "array", 2, [S]),
    ("scene.people", "length_greater", "array", 0, [H, S]),
    ("scene.people", "is_empty", "array", None, [E]),
    ("scene.people[].wears", "item_equals", "array", "hat", [H]),
    ("scene.people[].wears", "length_greater", "array", 1, [H]),
    ("scene.people[].wears[]", "item_contains", "array", "oa", [H]),
]


def test_every_operator_of_every_type_finds_what_it_says(house: FilterHouse) -> None:
    asked = set()
    for field, operator, kind, value, wanted in CASES:
        if wanted is None:
            refused(house, {"field": field, "operator": operator, "type": kind, "value": value})
            continue
        assert filtered(house, "", field, operator, kind, value) == wanted, (field, operator, value)
        asked.add((kind, operator))
    assert asked == {(kind, operator) for kind, operators in OPERATORS.items() for operator in operators}


def test_all_conditions_must_hold(house: FilterHouse) -> None:
    at_sea = {"field": "tags", "operator": "item_equals", "type": "array", "value": "sea"}
    few = {"field": "viewers", "operator": "less_than", "type": "integer", "value": 5}
    both = house.call("/search/filter/playground", {"conditions": [at_sea, few]})
    assert both.json == {"results": [], "next_page_token": None, "total_shown": 0}
    one = house.call("/search/filter/playground", {"conditions": [at_sea, {**few, "operator": "greater_than"}]})
    assert one.json["total_shown"] == 1


def test_a_result_names_its_segment_its_times_and_the_values_that_matched(house: FilterHouse) -> None:
    condition = {"field": "scene.people[].emotion", "operator": "equals", "type": "string", "value": "calm"}
    [found] = house.call("/search/filter/playground", {"conditions": [condition]}).json["results"]
    assert found["result_id"] == f"segment:{found['segment_id']}:{found['run_id']}"
    assert (found["start_time"], found["end_time"], found["result_type"]) == (10.0, 20.0, "segment")
    assert found["matched_field_paths"] == ["scene.people[].emotion"]
    assert [one["field_instance_path"] for one in found["matched_field_instances"]] == [
        "scene.people[0].emotion",
        "scene.people[1].emotion",
    ]


def test_an_unknown_field_is_refused_with_the_fields_there_are(house: FilterHouse) -> None:
    error = refused(house, {"field": "scene.weather", "operator": "equals", "type": "string", "value": "rain"})
    assert error["details"]["errors"][0]["field"] == "conditions.0.field"
    assert "scene.people[].emotion" in error["message"]
    offered = {one["field"]: one["operators"] for one in error["details"]["valid_fields"]}
    assert offered["viewers"]["integer"] == list(OPERATORS["integer"])


def test_an_operator_of_another_type_is_refused_with_the_ones_there_are(house: FilterHouse) -> None:
    error = refused(house, {"field": "viewers", "operator": "contains", "type": "integer", "value": 1})
    assert "greater_equal" in error["message"]


def test_a_field_taken_for_another_type_is_refused_with_its_own(house: FilterHouse) -> None:
    error = refused(house, {"field": "viewers", "operator": "contains", "type": "string", "value": "1"})
    assert error["details"]["errors"][0]["field"] == "conditions.0.type" and "integer" in error["message"]


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "headline", "operator": "equals", "type": "string"},
        {"field": "headline", "operator": "equals", "type": "string", "value": "  "},
        {"field": "headline", "operator": "is_empty", "type": "string", "value": "x"},
        {"field": "viewers", "operator": "equals", "type": "integer", "value": True},
        {"field": "viewers", "operator": "equals", "type": "integer", "value": 1.5},
        {"field": "viewers", "operator": "equals", "type": "integer", "value": 2**70},
        {"field": "tags", "operator": "length_less", "type": "array", "value": -1},
        {"field": "tags", "operator": "item_contains", "type": "array", "value": 1},
        {"field": "tags", "operator": "item_equals", "type": "array", "value": 1},
        {"field": "headline", "operator": "equals", "type": "text", "value": "x"},
        {"field": "headline", "operator": "equals", "type": "string", "value": ["x"]},
        {"field": "headline", "operator": "equals", "type": "string", "value": "x", "other": 1},
        {"field": " ", "operator": "equals", "type": "string", "value": "x"},
    ],
)
def test_a_condition_that_means_nothing_is_refused(house: FilterHouse, condition: dict[str, Any]) -> None:
    assert refused(house, condition)["code"] == "validation_failed"


def test_quotes_and_signs_in_a_value_are_only_text(house: FilterHouse) -> None:
    assert filtered(house, "", "headline", "equals", "string", "' OR 1=1 --") == []


def test_pages_follow_one_another_without_gap_or_repetition(house: FilterHouse) -> None:
    videos = [house.video() for _ in range(3)]
    house.run([(video, [{**HAPPY, "headline": f"{n}/{m}"} for m in range(9)]) for n, video in enumerate(videos)])
    body = {"conditions": [{"field": "viewers", "operator": "equals", "type": "integer", "value": 12}], "page_size": 5}
    seen, cursor = [], None
    while True:
        page = house.call("/search/filter/playground", {**body, "cursor": cursor}).json
        seen += [one["result_id"] for one in page["results"]]
        cursor = page["next_page_token"]
        if cursor is None:
            break
        assert page["total_shown"] == 5
    assert len(seen) == len(set(seen)) == 28


def test_a_cursor_of_another_question_is_refused(house: FilterHouse) -> None:
    condition = {"field": "headline", "operator": "is_not_empty", "type": "string"}
    page = house.call("/search/filter/playground", {"conditions": [condition], "page_size": 1}).json
    other = {"conditions": [{**condition, "operator": "is_empty"}], "cursor": page["next_page_token"]}
    assert house.call("/search/filter/playground", other).status == 400


def test_a_page_is_filled_up_behind_rows_whose_results_are_gone(house: FilterHouse) -> None:
    video = house.video()
    run = house.run([(video, [{**HAPPY, "headline": str(n)} for n in range(6)])])
    for row in scenes.results_of(house.world, run, video)[:4]:
        batch = house.world.store.batch()
        batch.delete(row)
        batch.commit()
    assert filtered(house, "", "viewers", "equals", "integer", 12, run_ids=[run.run_id], page_size=2) == ["4", "5"]


def test_runs_and_indexes_narrow_the_search(house: FilterHouse) -> None:
    index = scenes.an_index(house.world, house.tenant).index_id
    inside = house.run([(house.video(index), [{**HAPPY, "headline": "inside"}])])
    assert filtered(house, index, "outdoors", "equals", "boolean", True) == ["inside"]
    assert filtered(house, "", "outdoors", "equals", "boolean", True) == [H]
    assert filtered(house, index, "outdoors", "equals", "boolean", True, run_ids=[inside.run_id]) == ["inside"]
    body = {"conditions": [{"field": "outdoors", "operator": "equals", "type": "boolean", "value": True}]}
    missing = "run_" + "0" * 26
    assert house.call(f"/search/filter/{index}", {**body, "run_ids": [missing]}).status == 404
    assert house.call("/search/filter/" + "idx_" + "0" * 26, body).status == 404


def test_a_stranger_finds_nothing_of_another_tenant(house: FilterHouse) -> None:
    index = scenes.an_index(house.world, house.tenant).index_id
    run = house.run([(house.video(index), [HAPPY])])
    body = {"conditions": [{"field": "headline", "operator": "is_not_empty", "type": "string"}]}
    assert house.call(f"/search/filter/{index}", body, sub="eve").status == 404
    assert house.call("/search/filter/playground", body, sub="eve").json["results"] == []
    assert house.call("/search/filter/playground", {**body, "run_ids": [run.run_id]}, sub="eve").status == 404


def test_media_wide_results_are_filtered_by_the_fields_of_their_own_schema(house: FilterHouse) -> None:
    video = house.video()
    level = {"instructions_text": "-", "json_schema": {"type": "object", "properties": {"summary": {"type": "string"}}}}
    house.run([(video, [HAPPY])], video_level=level, wholes={video.video_id: {"summary": "A calm day"}})
    condition = {"field": "summary", "operator": "contains", "type": "string", "value": "calm"}
    [found] = house.call("/search/filter/playground", {"conditions": [condition]}).json["results"]
    assert (found["result_type"], found["metadata"]) == ("video", {"summary": "A calm day"})


def test_runs_that_know_the_field_by_different_types_each_answer_for_their_own(house: FilterHouse) -> None:
    schema = {"type": "object", "properties": {"headline": {"type": "string"}, "viewers": {"type": "string"}}}
    house.run([(house.video(), [{"headline": "other", "viewers": "many"}])], schema=schema)
    assert filtered(house, "", "viewers", "equals", "string", "many") == ["other"]
    assert filtered(house, "", "viewers", "equals", "integer", 12) == [H]


def test_a_filter_reaches_every_completed_run_however_many_there_are(house: FilterHouse) -> None:
    """Here two runs are read at a time; pages go on through all, the newest first, none twice, none left out."""
    headlines = []
    for number in range(5):
        house.world.clock.advance(60)
        headlines.insert(0, f"Take {number}")
        house.run([(house.video(), [{**HAPPY, "headline": f"Take {number}"}])])
    filters = FilterSearch(house.world.store, house.files, Cursors("cursors"), runs_at_once=2)
    asked, everywhere = [Condition("headline", "starts_with", "string", "Take")], Places(house.tenant, [""])
    for size in (1, 2, 3, 10):
        seen, cursor = [], None
        while True:
            page = filters.search(asked, everywhere, limit=size, cursor=cursor)
            seen += [one.row.metadata["headline"] for one in page.rows]  # type: ignore[union-attr]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == headlines


def test_a_field_that_only_old_runs_have_is_found_and_one_that_none_has_is_refused(house: FilterHouse) -> None:
    for _ in range(3):
        house.world.clock.advance(60)
        house.run([(house.video(), [{"other": "x"}])], schema={"type": "object", "properties": {"other": {"type": "string"}}})
    filters = FilterSearch(house.world.store, house.files, Cursors("cursors"), runs_at_once=1)
    everywhere = Places(house.tenant, [""])
    page = filters.search([Condition("headline", "equals", "string", H)], everywhere, limit=5, cursor=None)
    assert [one.row.metadata["headline"] for one in page.rows] == [H]  # type: ignore[union-attr]
    with pytest.raises(ApiError, match="no field 'nowhere'"):
        filters.search([Condition("nowhere", "equals", "string", "x")], everywhere, limit=5, cursor=None)
