import copy
from typing import Any

import pytest

from shared.domain.ids import new_id
from shared.domain.prompts import Prompt
from shared.domain.sharing import SHARED_TENANT
from tests.api.test_indexes import put_run, tenant_of
from tests.api.world import Answer, World

SCENES: dict[str, Any] = {
    "name": "Scene extractor",
    "description": "Extract structured scene evidence per segment.",
    "prompt_text": "Extract the requested fields from this media segment.",
    "json_schema": {
        "type": "object",
        "properties": {
            "headline": {"type": "string"},
            "scene": {
                "type": "object",
                "properties": {
                    "location": {"type": "string"},
                    "people": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "emotion": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
    "video_level": {
        "instructions_text": "Summarize the entire asset from the extracted segment evidence.",
        "included_segment_fields": ["headline", "scene.location", "transcription"],
        "json_schema": {"type": "object", "properties": {"program_summary": {"type": "string"}}},
    },
    "semantic_indexing": {"disabled_segment_fields": [], "disabled_video_level_fields": []},
}


def scenes(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**copy.deepcopy(SCENES), **changes}.items() if value is not None}


def create(world: World, body: dict[str, Any], sub: str = "ada") -> Answer:
    return world.call("POST", "/prompts", body, world.as_owner(sub))


def update(world: World, prompt_id: str, **changes: Any) -> Answer:
    return world.call("PUT", f"/prompts/{prompt_id}", changes, world.as_owner())


def put_default_prompt(world: World) -> Prompt:
    now = world.store.clock()
    prompt = Prompt(
        created_at=now,
        updated_at=now,
        tenant=SHARED_TENANT,
        prompt_id=new_id("prompt"),
        user_id="",
        name="Sample",
        json_schema={"type": "object"},
    )
    batch = world.store.batch()
    batch.create(prompt)
    batch.commit()
    return prompt


def test_a_prompt_comes_back_as_it_was_written(world: World) -> None:
    made = create(world, scenes())
    assert made.status == 201, made.body
    for name, value in SCENES.items():
        assert made.json[name] == value
    assert made.json["is_active"] is True and made.json["revision_number"] == 1
    read = world.call("GET", f"/prompts/{made.json['prompt_id']}", None, world.as_key("read")).json
    assert {**read, "warnings": []} == made.json


def test_the_order_of_a_schemas_properties_is_kept(world: World) -> None:
    properties = {name: {"type": "string"} for name in ("zebra", "apple", "mango")}
    made = create(world, scenes(json_schema={"type": "object", "properties": properties}, video_level=None)).json
    assert list(made["json_schema"]["properties"]) == ["zebra", "apple", "mango"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "ab"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"prompt_text": "short"}, "prompt_text"),
        ({"prompt_text": "x" * 5001}, "prompt_text"),
        ({"json_schema": "text"}, "json_schema"),
        ({"json_schema": {"type": "array"}}, "json_schema"),
        (
            {"json_schema": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}},
            "json_schema.properties.a.$ref",
        ),
        ({"json_schema": {"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}}, "json_schema.properties.a.pattern"),
        ({"video_level": {"json_schema": {"type": "object"}}}, "video_level.instructions_text"),
        ({"video_level": {"instructions_text": "Sum up", "json_schema": {"type": "string"}}}, "video_level.json_schema"),
        ({"semantic_indexing": {"disabled_segment_fields": ["mood"]}}, "semantic_indexing.disabled_segment_fields"),
        ({"semantic_indexing": {"disabled_video_level_fields": ["headline"]}}, "semantic_indexing.disabled_video_level_fields"),
    ],
)
def test_a_fault_is_a_422_that_names_its_field(world: World, changes: dict[str, Any], field: str) -> None:
    refused = create(world, scenes(**changes))
    assert refused.status == 422
    assert refused.json["error"]["details"]["errors"][0]["field"] == field


def test_an_unknown_field_path_is_told_with_those_there_are(world: World) -> None:
    body = scenes()
    body["video_level"]["included_segment_fields"] = ["headline", "scene.weather"]
    refused = create(world, body)
    assert refused.status == 422 and "scene.weather" in refused.json["error"]["message"]
    valid = ["headline", "scene.location", "scene.people[].name", "scene.people[].emotion", "transcription"]
    assert refused.json["error"]["details"]["valid_fields"] == valid


def test_without_named_fields_all_leaves_and_the_transcription_are_included(world: World) -> None:
    body = scenes()
    del body["video_level"]["included_segment_fields"]
    included = create(world, body).json["video_level"]["included_segment_fields"]
    assert included == ["headline", "scene.location", "scene.people[].name", "scene.people[].emotion", "transcription"]


def test_a_path_may_leave_out_the_brackets_of_lists(world: World) -> None:
    body = scenes()
    body["video_level"]["included_segment_fields"] = ["scene.people.name", "scene.people[].name", "scene"]
    assert create(world, body).json["video_level"]["included_segment_fields"] == ["scene.people[].name", "scene"]


def test_an_update_changes_what_it_names_and_counts_revisions_of_the_contract(world: World) -> None:
    made = create(world, scenes()).json
    renamed = update(world, made["prompt_id"], name="Renamed").json
    assert renamed["name"] == "Renamed" and renamed["revision_number"] == 1
    changed = update(world, made["prompt_id"], prompt_text="Look closer at the scene.").json
    assert changed["revision_number"] == 2 and changed["json_schema"] == made["json_schema"]
    again = update(world, made["prompt_id"], prompt_text="Look closer at the scene.").json
    assert again["revision_number"] == 2


def test_the_video_level_is_cleared_only_on_demand(world: World) -> None:
    prompt_id = create(world, scenes()).json["prompt_id"]
    assert update(world, prompt_id, video_level=None).json["video_level"] is not None
    assert update(world, prompt_id, clear_video_level=True).json["video_level"] is None
    both = update(world, prompt_id, clear_video_level=True, video_level=SCENES["video_level"])
    assert both.status == 422


def test_a_new_schema_must_still_have_the_fields_the_kept_parts_name(world: World) -> None:
    prompt_id = create(world, scenes()).json["prompt_id"]
    schema = {"type": "object", "properties": {"headline": {"type": "string"}}}
    refused = update(world, prompt_id, json_schema=schema)
    assert refused.status == 422 and "scene.location" in refused.json["error"]["message"]
    assert update(world, prompt_id, json_schema=schema, clear_video_level=True).status == 200


def test_prompts_are_listed_with_counts_and_inactive_ones_only_on_demand(world: World) -> None:
    put_default_prompt(world)
    first = create(world, scenes(name="first")).json
    create(world, scenes(name="second"))
    update(world, first["prompt_id"], is_active=False)
    listed = world.call("GET", "/prompts", None, world.as_key("read")).json
    assert [p["name"] for p in listed["prompts"]] == ["second", "Sample"]
    assert (listed["total_count"], listed["active_count"]) == (3, 2)
    query = {"active_only": "false", "include_defaults": "false"}
    listed = world.call("GET", "/prompts", None, world.as_key("read"), query=query).json
    assert [p["name"] for p in listed["prompts"]] == ["second", "first"]


def test_a_default_prompt_is_read_by_everybody_and_changed_by_nobody(world: World) -> None:
    prompt_id = put_default_prompt(world).prompt_id
    assert world.call("GET", f"/prompts/{prompt_id}", None, world.as_owner("bob")).json["is_default"] is True
    assert update(world, prompt_id, name="Mine").error == "read_only_default"
    assert world.call("DELETE", f"/prompts/{prompt_id}", None, world.as_owner()).error == "read_only_default"


def test_an_unused_prompt_is_deleted(world: World) -> None:
    prompt_id = create(world, scenes()).json["prompt_id"]
    usage = world.call("GET", f"/prompts/{prompt_id}/usage", None, world.as_key("read")).json
    assert (usage["is_in_use"], usage["safe_to_delete"], usage["schema_properties_count"]) == (False, True, 2)
    deleted = world.call("DELETE", f"/prompts/{prompt_id}", None, world.as_owner()).json
    assert deleted["deleted"] is True
    assert world.call("GET", f"/prompts/{prompt_id}", None, world.as_owner()).status == 404


def test_a_prompt_in_use_is_deactivated_unless_forced(world: World) -> None:
    prompt_id = create(world, scenes()).json["prompt_id"]
    put_run(world, tenant_of(world), [""], prompt_id=prompt_id)
    usage = world.call("GET", f"/prompts/{prompt_id}/usage", None, world.as_owner()).json
    assert (usage["is_in_use"], usage["safe_to_delete"], usage["prompt_run_count"]) == (True, False, 1)
    kept = world.call("DELETE", f"/prompts/{prompt_id}", None, world.as_owner()).json
    assert (kept["deleted"], kept["deactivated"]) == (False, True)
    assert world.call("GET", f"/prompts/{prompt_id}", None, world.as_owner()).json["is_active"] is False
    forced = world.call("DELETE", f"/prompts/{prompt_id}", None, world.as_owner(), query={"force": "true"}).json
    assert forced["deleted"] is True
    assert world.call("GET", f"/prompts/{prompt_id}", None, world.as_owner()).status == 404


def test_sample_data_is_judged_by_the_schema_and_each_fault_told_with_its_place(world: World) -> None:
    schema = {"type": "object", "properties": {"people": {"type": "array", "items": {"type": "string"}}}}

    def judge(sample: Any, json_schema: Any = schema) -> dict[str, Any]:
        answer = world.call(
            "POST", "/prompts/test-schema", {"json_schema": json_schema, "sample_data": sample}, world.as_key("write")
        )
        assert answer.status == 200
        return answer.json

    good = judge({"people": ["Ada"]})
    assert (good["valid"], good["validated_data"], good["error"]) == (True, {"people": ["Ada"]}, None)
    bad = judge({"people": ["Ada", 7]})
    assert (bad["valid"], bad["validated_data"]) == (False, None) and bad["error"].startswith("people[1]: ")
    hostile = judge({}, {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}})
    assert hostile["valid"] is False and "local references" in hostile["error"]
    assert hostile["message"] and bad["message"]


def test_a_pattern_made_to_hang_is_matched_in_no_time(world: World) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    body = {"json_schema": schema, "sample_data": {"a": "a" * 50_000 + "!"}}
    assert world.call("POST", "/prompts/test-schema", body, world.as_owner()).json["valid"] is False


def test_answers_to_a_change_name_what_the_model_is_not_held_to_and_filters_cannot_find(world: World) -> None:
    assert create(world, scenes()).json["warnings"] == []
    body = scenes()
    body["json_schema"]["properties"]["code"] = {"type": "string", "pattern": "^A"}
    body["video_level"]["json_schema"]["properties"]["free"] = {"type": "object"}
    made = create(world, body).json
    assert [(one["level"], one["path"], one["keyword"]) for one in made["warnings"]] == [
        ("segment", "code", "pattern"),
        ("video", "free", "properties"),
    ]
    assert all(one["message"] for one in made["warnings"])
    schema = {**body["json_schema"], "properties": {**body["json_schema"]["properties"], "code": {"type": "string"}}}
    assert [one["level"] for one in update(world, made["prompt_id"], json_schema=schema).json["warnings"]] == ["video"]
