"""SQL over what runs found: the catalog, asking it, and having the question written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.tables.sandbox import Sandbox
from tests.pipeline import scenes
from tests.pipeline.filter_house import FilterHouse
from tests.pipeline.gemini import Gemini, answer
from tests.pipeline.test_tables import EMPTY, HAPPY, SAD
from tests.pipeline.world import World, _gemini_client


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    made.start()
    yield made
    made.close()


@pytest.fixture
def house(world: World, tmp_path: Path, sandbox: Sandbox, gemini: Gemini) -> FilterHouse:
    return FilterHouse(world, tmp_path / "copies", sandbox, _gemini_client(gemini.url))


@pytest.fixture
def index(house: FilterHouse) -> str:
    return scenes.an_index(house.world, house.tenant).index_id


def catalog(house: FilterHouse, index: str, **body: Any) -> dict[str, Any]:
    found = house.call(f"/search/sql/{index}/catalog", body)
    assert found.status == 200, found.body
    return found.json


def rows(house: FilterHouse, index: str, sql: str, **body: Any) -> list[dict[str, Any]]:
    return asked(house, index, sql, **body)["rows"]


def asked(house: FilterHouse, index: str, sql: str, **body: Any) -> dict[str, Any]:
    found = house.call(f"/search/sql/{index}", {"query": sql, **body})
    assert found.status == 200, found.body
    return found.json


def test_the_catalog_names_tables_columns_indexes_runs_and_a_query_that_runs(house: FilterHouse, index: str) -> None:
    run = house.run([(house.video(index), [HAPPY, SAD])])
    found = catalog(house, index)
    tables = {one["name"]: one for one in found["tables"]}
    assert set(tables) == {index, f"{index}__scene_people", run.run_id, f"{run.run_id}__scene_people"}
    columns = {one["name"]: (one["type"], one["field_path"]) for one in tables[run.run_id]["columns"]}
    assert columns["viewers"] == ("BIGINT", "viewers")
    assert columns["scene.people[].emotion"] == ("VARCHAR[]", "scene.people[].emotion")
    assert columns["row_id"] == ("VARCHAR", None)
    assert tables[f"{index}__scene_people"]["parent_table"] == index
    assert found["indexes"] == [{"index_id": index, "tables": list(tables)}]
    assert found["runs"][0]["run_id"] == run.run_id
    assert found["limits"]["max_result_limit"] == 2000
    assert len(rows(house, index, found["default_query"])) == 2


def test_the_default_query_runs_where_no_run_has_ended_yet(house: FilterHouse, index: str) -> None:
    assert rows(house, index, catalog(house, index)["default_query"]) == []


def test_types_lists_and_times_come_out_as_what_they_are(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY])])
    sql = f'SELECT viewers, confidence, outdoors, "tags[]" AS tags, "scene.people[].wears[]" AS wears, start_time FROM {index}'
    assert rows(house, index, sql) == [
        {"viewers": 12, "confidence": 0.75, "outdoors": True, "tags": ["sea", "boat"], "wears": ["hat", "coat"], "start_time": 0}
    ]


def test_items_of_a_list_join_their_row(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY, SAD])])
    sql = (
        f'SELECT r.headline, p."scene.people[].name" AS name, p.item_path FROM {index} r JOIN {index}__scene_people p '
        "USING (row_id) ORDER BY name"
    )
    assert rows(house, index, sql) == [
        {"headline": "Harbour at dawn", "name": "Ada", "item_path": "scene.people[0]"},
        {"headline": "Rain in town", "name": "Bob", "item_path": "scene.people[0]"},
        {"headline": "Rain in town", "name": "Cy", "item_path": "scene.people[1]"},
    ]


def test_a_row_says_where_it_comes_from_even_if_the_query_does_not_ask(house: FilterHouse, index: str) -> None:
    video = house.video(index)
    run = house.run([(video, [HAPPY, SAD])])
    found = asked(house, index, f"SELECT headline FROM {run.run_id} ORDER BY viewers")
    assert found["columns"] == [{"name": "headline", "type": "VARCHAR"}]
    context = found["row_context"][0]
    assert (context["video_id"], context["run_id"], context["start_time"], context["end_time"]) == (
        video.video_id,
        run.run_id,
        10,
        20,
    )
    assert context["row_id"] == f"segment:{context['segment_id']}:{run.run_id}"


def test_a_row_that_sums_up_others_says_only_what_it_knows(house: FilterHouse, index: str) -> None:
    video = house.video(index)
    house.run([(video, [HAPPY, SAD])])
    found = asked(house, index, f"SELECT video_id, count(*) AS n FROM {index} GROUP BY video_id")
    assert (found["rows"], found["row_context"]) == ([{"video_id": video.video_id, "n": 2}], [{"video_id": video.video_id}])
    assert asked(house, index, f"SELECT count(*) AS n FROM {index}")["row_context"] == [{}]


def test_more_rows_than_asked_for_are_cut_off_and_told(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY] * 5)])
    found = asked(house, index, f"SELECT headline FROM {index}", result_limit=3)
    assert (found["row_count"], found["truncated"], found["applied_result_limit"]) == (3, True, 3)
    assert not asked(house, index, f"SELECT headline FROM {index}", result_limit=5)["truncated"]


def test_two_columns_of_one_name_are_told_apart(house: FilterHouse, index: str) -> None:
    assert rows(house, index, "SELECT 1 AS a, 2 AS a") == [{"a": 1, "a_1": 2}]


def test_a_comment_at_the_end_swallows_nothing(house: FilterHouse, index: str) -> None:
    assert rows(house, index, "SELECT 1 AS a -- one") == [{"a": 1}]


def test_runs_of_one_index_whose_schemas_differ_are_one_table(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY])])
    schema = {"type": "object", "properties": {"viewers": {"type": "number"}, "Headline": {"type": "string"}}}
    house.run([(house.video(index), [{"viewers": 1.5, "Headline": "Other"}])], schema=schema)
    assert rows(house, index, f"SELECT viewers FROM {index} ORDER BY 1") == [{"viewers": 1.5}, {"viewers": 12.0}]
    names = [one["name"] for one in catalog(house, index)["tables"][0]["columns"]]
    assert len({name.lower() for name in names}) == len(names)


def test_a_field_named_like_a_column_of_ours_keeps_a_column_of_its_own(house: FilterHouse, index: str) -> None:
    schema = {"type": "object", "properties": {"video_id": {"type": "string"}, "Transcript": {"type": "string"}}}
    house.run([(house.video(index), [{"video_id": "theirs", "Transcript": "said"}])], schema=schema)
    columns = {one["field_path"]: one["name"] for one in catalog(house, index)["tables"][0]["columns"] if one["field_path"]}
    assert rows(house, index, f'SELECT "{columns["video_id"]}" AS v, "{columns["Transcript"]}" AS t FROM {index}') == [
        {"v": "theirs", "t": "said"}
    ]


def test_names_that_hold_quotes_stay_names(house: FilterHouse, index: str) -> None:
    schema = {"type": "object", "properties": {"it's; DROP TABLE x --": {"type": "string"}}}
    house.run([(house.video(index), [{"it's; DROP TABLE x --": "fine"}])], schema=schema)
    assert rows(house, index, f'SELECT "it\'s; DROP TABLE x --" AS v FROM {index}') == [{"v": "fine"}]


def test_runs_narrow_the_catalog_and_what_can_be_asked(house: FilterHouse, index: str) -> None:
    first = house.run([(house.video(index), [HAPPY])])
    second = house.run([(house.video(index), [SAD])])
    assert catalog(house, index, run_ids=[first.run_id])["runs"] == [
        {"run_id": first.run_id, "tables": [first.run_id, f"{first.run_id}__scene_people"]}
    ]
    assert rows(house, index, f"SELECT headline FROM {index}", run_ids=[first.run_id]) == [{"headline": "Harbour at dawn"}]
    refused = house.call(f"/search/sql/{index}", {"query": f"SELECT * FROM {second.run_id}", "run_ids": [first.run_id]})
    assert (refused.status, refused.json["error"]["code"]) == (422, "invalid_query")


def test_a_run_over_two_indexes_shows_in_each_only_what_is_its_own(house: FilterHouse, index: str) -> None:
    other = scenes.an_index(house.world, house.tenant).index_id
    run = house.run([(house.video(index), [HAPPY]), (house.video(other), [SAD])])
    assert rows(house, index, f"SELECT headline FROM {run.run_id}") == [{"headline": "Harbour at dawn"}]
    assert len(rows(house, index, f"SELECT headline FROM {run.run_id}", index_ids=[index, other])) == 2


def test_another_tenants_tables_are_not_there(house: FilterHouse, index: str) -> None:
    run = house.run([(house.video(index), [HAPPY])])
    for path in ("", "/catalog", "/generate"):
        body = {"query": f"SELECT * FROM {run.run_id}", "instruction": "all"}
        assert house.call(f"/search/sql/{index}{path}", body, sub="eve").status == 404
    own = house.call("/search/sql/playground", {"query": f"SELECT * FROM {run.run_id}"}, sub="eve")
    assert own.status == 422
    assert house.call("/search/sql/playground", {"query": "SELECT 1", "run_ids": [run.run_id]}, sub="eve").status == 404


@pytest.mark.parametrize(
    "sql", ["DROP TABLE x", "SELECT * FROM read_text('/etc/passwd')", "SELEC 1", "SELECT nothing", "SELECT 1; SELECT 2"]
)
def test_what_may_not_run_is_a_422_that_says_why(house: FilterHouse, index: str, sql: str) -> None:
    refused = house.call(f"/search/sql/{index}", {"query": sql})
    assert refused.status == 422 and refused.json["error"]["code"] == "invalid_query"
    assert refused.json["error"]["details"]["errors"][0]["field"] == "query"


def test_a_query_that_takes_too_long_is_a_408(world: World, tmp_path: Path) -> None:
    hasty = Sandbox(seconds=0.5)
    house = FilterHouse(world, tmp_path / "copies", hasty)
    endless = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"
    stopped = house.call("/search/sql/playground", {"query": endless})
    hasty.close()
    assert (stopped.status, stopped.json["error"]["code"]) == (408, "query_timeout")


def test_a_result_that_is_too_large_is_a_422(house: FilterHouse) -> None:
    found = house.call("/search/sql/playground", {"query": "SELECT repeat('x', 10000) FROM range(1000)", "result_limit": 1000})
    assert found.status == 422 and "5 MB" in found.json["error"]["message"]


# the writer


def written(house: FilterHouse, index: str, instruction: str, **body: Any) -> dict[str, Any]:
    made = house.call(f"/search/sql/{index}/generate", {"instruction": instruction, **body})
    assert made.status == 200, made.body
    return made.json


@pytest.fixture
def offline(gemini: Gemini) -> None:
    """The model that says that it is none."""

    def say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, said = answer({"query": "", "explanation": ""})
        return status, {**said, "modelVersion": "offline-evidence"}

    gemini.say = say


INSTRUCTIONS: list[tuple[str, list[str] | list[tuple[Any, ...]]]] = [
    ("Show the top 20 scenes where scene.people[].emotion is happy.", ["Harbour at dawn"]),
    ("scenes where emotion is not happy", ["Rain in town", ""]),
    ('list headline where location contains "town"', ["Rain in town"]),
    ("show headline where viewers more than 5", ["Harbour at dawn"]),
    ("headlines with viewers at most 3", ["Rain in town"]),
    ("headlines where outdoors is false", ["Rain in town"]),
    ("headline where tags include boat and viewers over 3", ["Harbour at dawn"]),
    ("headline starts with Rain", ["Rain in town"]),
    ('everything that mentions "dawn"', ["Harbour at dawn"]),
    ('headlines where somebody says "words 1"', ["Rain in town"]),
]


@pytest.mark.usefixtures("offline")
def test_rules_write_conditions_that_run_and_find_what_was_meant(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY, SAD, EMPTY])])
    for instruction, wanted in INSTRUCTIONS:
        made = written(house, index, instruction)
        found = asked(house, index, made["query"])
        by_row = {one["row_id"]: one["headline"] for one in rows(house, index, f"SELECT row_id, headline FROM {index}")}
        assert [by_row[one["row_id"]] for one in found["row_context"]] == wanted, (instruction, made["query"])
        assert (made["model"], made["tables"]) == ("rules", [index])


@pytest.mark.usefixtures("offline")
def test_rules_count_average_and_group(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index, title="A"), [HAPPY, SAD]), (house.video(index, title="B"), [HAPPY])])
    cases = [
        ("how many results are there?", [{"results": 3}]),
        ("count scenes per video_name", [{"video_name": "A", "results": 2}, {"video_name": "B", "results": 1}]),
        ("average viewers", [{"avg_viewers": 9.0}]),
        (
            "total viewers by location",
            [{"scene.location": "harbour", "sum_viewers": 24}, {"scene.location": "town", "sum_viewers": 3}],
        ),
        ("number of scenes per tag", [{"tags[]": "boat", "results": 2}, {"tags[]": "sea", "results": 2}]),
        ("how many scenes where emotion is sad", [{"results": 1}]),
    ]
    for instruction, wanted in cases:
        made = written(house, index, instruction)
        assert rows(house, index, made["query"]) == wanted, (instruction, made["query"])


@pytest.mark.usefixtures("offline")
def test_rules_order_and_limit(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [{"headline": str(n), "viewers": n} for n in range(8)])])
    made = written(house, index, "show the top 3 headlines ordered by viewers descending")
    assert [one["headline"] for one in rows(house, index, made["query"])] == ["7", "6", "5"]


@pytest.mark.usefixtures("offline")
def test_rules_narrow_an_existing_query(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY, SAD])])
    made = written(house, index, "only those with viewers under 5", existing_query=f"SELECT headline, viewers FROM {index};")
    assert rows(house, index, made["query"]) == [{"headline": "Rain in town", "viewers": 3}]


@pytest.mark.usefixtures("offline")
def test_an_instruction_is_never_an_order(house: FilterHouse, index: str) -> None:
    house.run([(house.video(index), [HAPPY])])
    for instruction in ("'; DROP TABLE x; --", "headline is '; DELETE FROM x --'", 'headline is "\' OR 1=1"', "\\", "%" * 500):
        made = written(house, index, instruction)
        assert house.call(f"/search/sql/{index}", {"query": made["query"]}).status == 200


@pytest.mark.usefixtures("offline")
def test_an_existing_query_that_cannot_run_is_refused(house: FilterHouse, index: str) -> None:
    refused = house.call(f"/search/sql/{index}/generate", {"instruction": "less", "existing_query": "DROP TABLE x"})
    assert (refused.status, refused.json["error"]["code"]) == (422, "invalid_query")


def test_a_models_query_is_given_only_after_it_has_run(house: FilterHouse, index: str, gemini: Gemini) -> None:
    house.run([(house.video(index), [HAPPY])])
    said = iter(["SELECT * FROM read_text('/etc/passwd')", f"SELECT headline FROM {index}"])
    prompts: list[str] = []

    def say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        prompts.append(json.dumps(body))
        return answer({"query": next(said), "explanation": "All headlines."})

    gemini.say = say
    made = written(house, index, "all headlines")
    assert (made["query"], made["explanation"]) == (f"SELECT headline FROM {index}", "All headlines.")
    assert made["model"] != "rules" and "read_text" in prompts[1]
    assert house.used()["model_calls"] == 2, "the one that could not run was paid for too"
    assert (house.used()["input_tokens"], house.used()["output_tokens"]) == (22, 14)


def test_a_model_that_never_gets_it_right_gives_way_to_the_rules(house: FilterHouse, index: str, gemini: Gemini) -> None:
    house.run([(house.video(index), [HAPPY])])
    gemini.say = lambda body: answer({"query": "SELECT * FROM elsewhere"})
    assert written(house, index, "headline where viewers over 3")["model"] == "rules"
