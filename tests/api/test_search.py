"""Searching by meaning and by words as typed, over the real family, store and vector search."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulators.faults import Faults
from emulators.vertex.server import serve
from tests.api import search_world
from tests.api.search_world import SearchWorld
from tests.api.world import World

SCENES = [
    "a dog runs along the beach",
    "Kowalczyk speaks of taxes in parliament",
    "two cars race through the city at night",
    "a chef slices onions in a restaurant kitchen",
    "snow falls on a quiet mountain village",
    "children play football in the rain",
]


@pytest.fixture(scope="module")
def models_url() -> Iterator[str]:
    def no_objects(uri: str) -> bytes:
        raise FileNotFoundError(uri)

    server = serve(None, Faults(), time.time, no_objects)
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def search(world: World, models_url: str) -> SearchWorld:
    return search_world.build(world, models_url)


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["result_id"] for one in found]


def headlines(found: list[dict[str, Any]]) -> list[str]:
    return [one["metadata"]["headline"] for one in found]


@pytest.mark.parametrize(
    ("query", "scene"),
    [("automobiles competing", 2), ("cooking vegetables", 3), ("kids and sports", 5), ("an animal by the sea", 0)],
)
def test_a_segment_is_found_by_what_it_means(search: SearchWorld, query: str, scene: int) -> None:
    index = search.index()
    search.run(search.video(index, cuts=len(SCENES)), SCENES)
    found = search.found(f"/indexes/{index}/search", query=query)
    assert headlines(found)[0] == SCENES[scene]
    assert len(found) == len(SCENES)


@pytest.mark.parametrize("query", ["Kowalczyk", "kowalczyk", "what does KOWALCZYK say about the weather, the dog and the cars"])
def test_a_name_typed_exactly_comes_first_whatever_else_was_asked(search: SearchWorld, query: str) -> None:
    index = search.index()
    search.run(search.video(index, cuts=len(SCENES)), SCENES)
    assert headlines(search.found(f"/indexes/{index}/search", query=query))[0] == SCENES[1]


@pytest.mark.long
def test_a_rare_word_is_found_among_many_texts_that_are_nearer_in_meaning(search: SearchWorld) -> None:
    index = search.index()
    many = [f"a red van number {n} drives down the road" for n in range(150)]
    many[77] = "gauge reading zx81 nominal"
    search.run(search.video(index, cuts=len(many)), many)
    found = search.found(f"/indexes/{index}/search", query="a red van on the road with zx81", top_k=3)
    assert headlines(found)[0] == many[77]


def test_accents_and_case_do_not_count(search: SearchWorld) -> None:
    index = search.index()
    search.run(search.video(index, cuts=2), ["Café Łódź with Beyoncé", "a plain wall"])
    assert headlines(search.found(f"/indexes/{index}/search", query="BEYONCE"))[0] == "Café Łódź with Beyoncé"


def test_a_name_in_a_script_without_spaces_is_found_inside_a_sentence(search: SearchWorld) -> None:
    index = search.index()
    search.run(search.video(index, cuts=3), ["今日は東京駅で電車を待つ", "海辺を犬が走る", "山の上に雪が降る"])
    assert headlines(search.found(f"/indexes/{index}/search", query="東京駅"))[0] == "今日は東京駅で電車を待つ"


def test_a_result_says_which_fields_and_which_of_their_instances_matched(search: SearchWorld) -> None:
    index = search.index()
    said = {"scene": {"location": "harbour", "people": [{"name": "Ada Lovelace"}, {"name": "Grace Hopper"}]}}
    search.run(search.video(index), [said])
    [one] = search.found(f"/indexes/{index}/search", query="Grace Hopper")
    assert one["matched_field_paths"][0] == "scene.people[].name"
    best = one["matched_field_instances"][0]
    assert best["field_path"] == "scene.people[].name"
    assert best["field_instance_path"] == best["field_instance_key"] == "scene.people[1].name"
    assert best["value_preview"] == "Grace Hopper"
    assert one["field_scores"]["scene.people[].name"] == best["score"] == one["similarity_score"]
    assert one["field_instance_scores"]["scene.people[1].name"] == best["score"]
    assert {"scene.people[].name", "scene.location", "metadata_text"} >= set(one["field_scores"])


def test_scores_lie_between_0_and_1_and_never_rise(search: SearchWorld) -> None:
    index = search.index()
    search.run(search.video(index, cuts=len(SCENES)), SCENES)
    for query in ("Kowalczyk", "rain", "the", "a mountain village", "xyzzy"):
        found = search.found(f"/indexes/{index}/search", query=query)
        scores = [one["reranked_score"] for one in found]
        assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] <= scores[0] <= 1
        assert scores == [one["similarity_score"] for one in found]


def test_equal_scores_are_ordered_by_id_and_the_same_question_has_the_same_answer(search: SearchWorld) -> None:
    index = search.index()
    search.run(search.video(index, cuts=12), ["the same words"] * 12)
    first = search.found(f"/indexes/{index}/search", query="the same words", top_k=7)
    assert ids(first) == sorted(ids(search.found(f"/indexes/{index}/search", query="the same words")))[:7]
    assert search.found(f"/indexes/{index}/search", query="the same words", top_k=7) == first


@pytest.mark.long
def test_a_shorter_answer_is_the_beginning_of_a_longer_one(search: SearchWorld) -> None:
    index = search.index()
    search.run(search.video(index, cuts=60), [f"{SCENES[n % 6]} in part {n}" for n in range(60)])
    long = search.found(f"/indexes/{index}/search", query="football in the rain part 17", top_k=50)
    assert ids(search.found(f"/indexes/{index}/search", query="football in the rain part 17", top_k=5)) == ids(long)[:5]


def test_a_field_that_is_not_indexed_is_not_found(search: SearchWorld) -> None:
    index = search.index()
    said = {"headline": "a market", "notes": {"secret": "Rosebud"}}
    search.run(search.video(index), [said], disabled=["notes"])
    [one] = search.found(f"/indexes/{index}/search", query="Rosebud")
    assert "notes.secret" not in one["field_scores"]


@pytest.mark.parametrize("field", ["scene.people[].name", "scene.people[0].name", "scene.people.name", "scene.people", "scene"])
def test_fields_narrow_a_search_and_stand_for_what_is_below_them(search: SearchWorld, field: str) -> None:
    index = search.index()
    said = {"headline": "Ada", "scene": {"people": [{"name": "Ada"}]}}
    search.run(search.video(index), [said])
    [one] = search.found(f"/indexes/{index}/search", query="Ada", search_fields=[field])
    assert one["matched_field_paths"] == ["scene.people[].name"]
    assert search.found(f"/indexes/{index}/search", query="Ada", search_fields=["scene.place"]) == []


def test_runs_narrow_a_search(search: SearchWorld) -> None:
    index = search.index()
    video = search.video(index)
    first, second = search.run(video, ["a dog"]), search.run(video, ["a dog and a cat"])
    found = search.found(f"/indexes/{index}/search", query="dog", run_ids=[second.run_id])
    assert [one["run_id"] for one in found] == [second.run_id]
    assert {one["run_id"] for one in search.found(f"/indexes/{index}/search", query="dog")} == {first.run_id, second.run_id}


def test_index_ids_replace_the_index_of_the_path(search: SearchWorld) -> None:
    here, there = search.index(), search.index()
    for index in (here, there):
        search.run(search.video(index), ["a dog"])
    asked = search.found(f"/indexes/{here}/search", query="dog", index_ids=[there])
    assert [one["source_index_id"] for one in asked] == [there]
    assert len(search.found(f"/indexes/{here}/search", query="dog", index_ids=[here, there])) == 2


def test_a_media_wide_result_is_found_beside_segments(search: SearchWorld) -> None:
    index = search.index()
    video = search.video(index)
    run = search.run(video, ["a dog on a beach"])
    search.whole(run, video, {"summary": "a documentary about lighthouses"})
    one = search.found(f"/indexes/{index}/search", query="lighthouses documentary")[0]
    assert (one["result_type"], one["result_id"], one["segment_id"]) == ("video", f"video:{video.video_id}:{run.run_id}", None)
    assert one["metadata"] == {"summary": "a documentary about lighthouses"}


@pytest.mark.parametrize("gone", ["run", "video", "index", "newer attempt"])
def test_what_is_deleted_is_not_found_although_its_vectors_are_still_there(search: SearchWorld, gone: str) -> None:
    index = search.index()
    doomed, other = search.video(index), search.video(index)
    run = search.run(doomed, ["a dog on a beach"])
    search.run(other, ["a dog in a park"])
    path = f"/indexes/{index}/search"
    assert len(search.found(path, query="dog")) == 2
    now = search.api.store.clock()
    if gone == "run":
        search.change(run, deleted_at=now)
    elif gone == "video":
        search.change(doomed, deleted_at=now)
    elif gone == "index":
        search.change(search.index_document(index), deleted_at=now)
        path = f"/indexes/{search.index()}/search"
        answer = search.ask(path, query="dog", index_ids=[index])
        assert (answer.status, answer.error) == (404, "index_not_found")
        return
    else:
        search.change(search.row_of(run, doomed), vector_attempt=2)
    assert [one["video_id"] for one in search.found(path, query="dog")] == [other.video_id]


@pytest.mark.long
def test_the_best_are_found_behind_many_that_are_gone(search: SearchWorld) -> None:
    index = search.index()
    crowd = search.video(index, cuts=140)
    search.run(crowd, ["a dog"] * 140)
    kept = search.run(search.video(index), ["a puppy"])
    search.change(crowd, deleted_at=search.api.store.clock())
    assert [one["run_id"] for one in search.found(f"/indexes/{index}/search", query="a dog")] == [kept.run_id]


def test_another_tenant_finds_nothing_of_it(search: SearchWorld) -> None:
    index = search.index()
    search.run(search.video(index), ["a dog"])
    stranger = search.api.as_key("search", sub="eve")
    answer = search.api.call("POST", f"/indexes/{index}/search", {"query": "dog"}, stranger)
    assert (answer.status, answer.error) == (404, "index_not_found")
    assert search.api.call("POST", "/playground/search", {"query": "dog"}, stranger).json == []


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": "  "}, {"query": "x", "top_k": 0}, {"query": "x", "top_k": 101}])
def test_a_question_out_of_bounds_is_refused(search: SearchWorld, body: dict[str, Any]) -> None:
    answer = search.ask(f"/indexes/{search.index()}/search", **body)
    assert (answer.status, answer.error) == (422, "validation_failed")


def test_an_index_or_run_that_is_not_there_is_named(search: SearchWorld) -> None:
    assert search.ask("/indexes/index_none/search", query="x").error == "index_not_found"
    index = search.index()
    assert search.ask(f"/indexes/{index}/search", query="x", run_ids=["run_none"]).error == "run_not_found"
    assert search.ask(f"/indexes/{index}/search", query="x", index_ids=["index_none"]).error == "index_not_found"


def test_the_playground_is_searched_apart_from_indexes(search: SearchWorld) -> None:
    search.run(search.video(search.index()), ["a dog in an index"])
    video = search.video()
    first, second = search.run(video, ["a dog in no index"]), search.run(video, ["a dog again"])
    assert {one["run_id"] for one in search.found("/playground/search", query="dog")} == {first.run_id, second.run_id}
    narrowed = search.found(f"/playground/search?run_id={first.run_id}", query="dog")
    assert [one["run_id"] for one in narrowed] == [first.run_id]
    assert search.ask("/playground/search?run_id=run_none", query="dog").error == "run_not_found"


class TestSeveralRuns:
    def test_best_keeps_the_highest_answer_of_each_segment(self, search: SearchWorld) -> None:
        index = search.index()
        video = search.video(index, cuts=2)
        first = search.run(video, ["a brown dog barks", "a wall"])
        second = search.run(video, ["something", "a dog sleeps by a wall"])
        found = search.found("/search/multi-run", query="dog", run_ids=[first.run_id, second.run_id])
        assert len(found) == 2 and len({one["segment_id"] for one in found}) == 2
        assert {one["metadata"]["headline"] for one in found} == {"a brown dog barks", "a dog sleeps by a wall"}

    def test_all_keeps_every_answer_of_every_run_up_to_its_share(self, search: SearchWorld) -> None:
        index = search.index()
        video = search.video(index, cuts=4)
        runs = [search.run(video, [f"a dog {n}" for n in range(4)]) for _ in range(3)]
        found = search.found("/search/multi-run", query="dog", run_ids=[run.run_id for run in runs], aggregation="all", top_k=2)
        assert sorted(one["run_id"] for one in found) == sorted(run.run_id for run in runs for _ in range(2))
        scores = [one["reranked_score"] for one in found]
        assert scores == sorted(scores, reverse=True)

    def test_weighted_prefers_the_newer_of_equal_answers(self, search: SearchWorld) -> None:
        index = search.index()
        video = search.video(index)
        old, new = search.run(video, ["a dog"], age=3), search.run(video, ["a dog"], age=1)
        [one] = search.found("/search/multi-run", query="dog", run_ids=[new.run_id, old.run_id], aggregation="weighted")
        assert one["run_id"] == new.run_id and one["reranked_score"] == one["similarity_score"]
        [alone] = search.found("/search/multi-run", query="dog", run_ids=[old.run_id], aggregation="weighted")
        assert alone["run_id"] == old.run_id

    def test_without_runs_those_of_the_index_are_searched(self, search: SearchWorld) -> None:
        index = search.index()
        run = search.run(search.video(index), ["a dog"])
        search.run(search.video(search.index()), ["a dog elsewhere"])
        assert [one["run_id"] for one in search.found("/search/multi-run", query="dog", index_id=index)] == [run.run_id]
        assert len(search.found("/search/multi-run", query="dog")) == 2

    def test_what_is_out_of_bounds_or_not_there_is_refused(self, search: SearchWorld) -> None:
        assert search.ask("/search/multi-run", query="x", top_k=51).status == 422
        assert search.ask("/search/multi-run", query="x", aggregation="median").status == 422
        assert search.ask("/search/multi-run", query="x", run_ids=["run_none"]).error == "run_not_found"
        assert search.ask("/search/multi-run", query="x", index_id="index_none").error == "index_not_found"
