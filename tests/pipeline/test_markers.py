"""A marker shows wherever the marked thing is answered, and only to those whose it is."""

import pytest

from shared.domain.media import Video
from tests.pipeline.films import film
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.house import House
from tests.pipeline.scenes import a_run
from tests.pipeline.world import World

SHOTS = film(["red", "green"])
SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}}
PROMPT = {"name": "A prompt", "prompt_text": "Extract the headline of it.", "json_schema": SCHEMA}


@pytest.fixture
def house(world: World) -> House:
    return House(world)


def put(house: House, target_type: str, target_id: str, **fields: str) -> dict:
    marked = house.call(
        "PUT", "/markers", {"target_type": target_type, "target_id": target_id, "color": "red", "note": "!", **fields}
    )
    assert marked.status == 200, marked.body
    return marked.json


@pytest.fixture
def scene(house: House, gemini: Gemini) -> tuple[str, str, list[str]]:
    """A film of two segments with a run over it: (video, run, segments)."""
    gemini.say = lambda body: answer({"utterances": []} if asks_for(body, "utterances") else {"headline": "a title"})
    video_id = house.film(SHOTS)
    video = house.world.store.get(Video, house.tenant(), video_id)
    assert video is not None
    run = a_run(house.world, video.tenant, [video], video_segmentation_type="content_aware")
    house.world.deliver()
    segments = house.call("GET", f"/videos/{video_id}/segments").json["data"]
    return video_id, run.run_id, [one["segment_id"] for one in segments]


def test_a_marked_item_shows_its_marker_in_every_listing(house: House) -> None:
    index_id = house.index()
    video_id = house.film(SHOTS, index_id=index_id)
    marker = put(house, "video", video_id, note="look here")
    seen = [
        house.call("GET", f"/videos/{video_id}").json,
        house.call("GET", f"/indexes/{index_id}/videos").json["data"][0],
        house.call("POST", "/videos/batch", {"video_ids": [video_id]}).json[0],
    ]
    expected = {name: marker[name] for name in ("marker_id", "color", "note", "updated_at")}
    assert [one["marker"] for one in seen] == [expected] * 3


def test_markers_on_a_run_and_a_prompt_show_with_them(house: House, scene: tuple[str, str, list[str]]) -> None:
    video_id, run_id, _ = scene
    made = house.call("POST", "/prompts", PROMPT)
    assert made.status == 201, made.body
    prompt_id = made.json["prompt_id"]
    put(house, "prompt_run", run_id, color="blue")
    put(house, "prompt", prompt_id, color="green")
    assert house.call("GET", f"/videos/{video_id}/prompt-runs").json[0]["marker"]["color"] == "blue"
    assert house.call("GET", f"/prompts/{prompt_id}").json["marker"]["color"] == "green"
    assert house.call("GET", "/prompts").json["prompts"][0]["marker"]["color"] == "green"
    changed = house.call("PUT", f"/prompts/{prompt_id}", {"name": "other"})
    assert changed.json["marker"]["color"] == "green"


def test_a_marker_within_a_run_goes_before_one_on_the_segment_itself(house: House, scene: tuple[str, str, list[str]]) -> None:
    video_id, run_id, segments = scene
    put(house, "segment", segments[0], note="always")
    put(house, "segment", segments[1], note="always")
    put(house, "segment", segments[1], run_id=run_id, note="in this run")
    plain = house.call("GET", f"/videos/{video_id}/segments").json["data"]
    of_run = house.call("GET", f"/videos/{video_id}/segments", run_id=run_id).json["data"]
    assert [one["marker"]["note"] for one in plain] == ["always", "always"]
    assert [one["marker"]["note"] for one in of_run] == ["always", "in this run"]


def test_marked_fields_show_by_their_path(house: House, scene: tuple[str, str, list[str]]) -> None:
    video_id, run_id, segments = scene
    put(house, "field", segments[0], run_id=run_id, field_path="headline", note="wrong")
    first, second = house.call("GET", f"/videos/{video_id}/segments", run_id=run_id).json["data"]
    assert first["metadata_markers"]["headline"]["note"] == "wrong"
    assert (first["marker"], second["metadata_markers"]) == ({}, {})
    assert house.call("GET", f"/videos/{video_id}/segments").json["data"][0]["metadata_markers"] == {}


def test_putting_again_replaces_and_deleting_removes(house: House) -> None:
    video_id = house.film(SHOTS)
    first, second = put(house, "video", video_id, note="one"), put(house, "video", video_id, note="two")
    assert first["marker_id"] == second["marker_id"]
    assert [one["note"] for one in house.call("GET", "/markers").json] == ["two"]
    assert house.call("DELETE", f"/markers/{second['marker_id']}").json["marker_id"] == second["marker_id"]
    assert house.call("GET", "/markers").json == []
    assert house.call("GET", f"/videos/{video_id}").json["marker"] == {}
    assert house.call("DELETE", f"/markers/{second['marker_id']}").error == "marker_not_found"


def test_deleting_one_marker_of_a_target_leaves_the_others(house: House, scene: tuple[str, str, list[str]]) -> None:
    _, run_id, segments = scene
    kept = put(house, "field", segments[0], run_id=run_id, field_path="headline")
    gone = put(house, "segment", segments[0], run_id=run_id)
    house.call("DELETE", f"/markers/{gone['marker_id']}")
    assert [one["marker_id"] for one in house.call("GET", "/markers").json] == [kept["marker_id"]]


def test_nobody_marks_sees_or_removes_what_is_not_theirs(house: House, scene: tuple[str, str, list[str]]) -> None:
    video_id, run_id, segments = scene
    marker = put(house, "video", video_id)
    for target_type, target_id, error in [
        ("video", video_id, "video_not_found"),
        ("segment", segments[0], "segment_not_found"),
        ("prompt_run", run_id, "run_not_found"),
        ("prompt", "prm_nothing", "prompt_not_found"),
    ]:
        assert house.call("PUT", "/markers", {"target_type": target_type, "target_id": target_id}, user="eve").error == error
    assert house.call("GET", "/markers", user="eve").json == []
    assert house.call("DELETE", f"/markers/{marker['marker_id']}", user="eve").error == "marker_not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"target_type": "field", "target_id": "seg_x"},
        {"target_type": "field", "target_id": "seg_x", "run_id": "run_x"},
        {"target_type": "video", "target_id": "vid_x", "run_id": "run_x"},
        {"target_type": "video", "target_id": "vid_x", "field_path": "a"},
        {"target_type": "export", "target_id": "exp_x"},
        {"target_type": "video", "target_id": "vid_x", "color": "<script>"},
        {"target_type": "video", "target_id": "vid_x", "note": "x" * 1001},
    ],
)
def test_a_marker_that_makes_no_sense_is_refused(house: House, body: dict) -> None:
    assert house.call("PUT", "/markers", body).error == "validation_failed"
