"""Searching by picture, and by words and a picture together."""

import io
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emulators.faults import Faults
from emulators.vertex.server import serve
from shared.domain.media import Video
from shared.domain.runs import Run
from tests.api import search_world
from tests.api.search_world import SearchWorld, as_base64
from tests.api.world import World


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


def scene(number: int) -> Image.Image:
    """Pictures that differ in colour and layout."""
    seen = np.zeros((120, 160, 3), np.uint8)
    seen[:, :, number % 3] = 200
    seen[20 * number % 100 :, 30 * number % 140 :, (number + 1) % 3] = 230
    return Image.fromarray(seen)


def a_film(search: SearchWorld, index: str, cuts: int = 4, **values: Any) -> tuple[Video, Run]:
    video = search.video(index, cuts=cuts, **values)
    search.pictures(video, [scene(n) for n in range(cuts)])
    return video, search.run(video, [f"scene number {n}" for n in range(cuts)])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_frame_finds_its_segment_with_time_and_thumbnail(search: SearchWorld, form: str) -> None:
    index = search.index()
    video, run = a_film(search, index)
    found = search.found(f"/indexes/{index}/image-search", image_data=as_base64(scene(2), form))
    one = found[0]
    assert (one["video_id"], one["start_time"], one["end_time"], one["run_id"]) == (video.video_id, 20.0, 30.0, run.run_id)
    assert one["matched_image_timestamp"] == one["shot_timestamp"] == 24.0
    assert one["matched_image_score"] == one["similarity_score"] > 0.95
    assert one["matched_image_gcs_uri"] == f"gs://derived/thumbs/{one['segment_id']}.jpg"
    assert one["matched_image_uri"] == f"https://signed.test/derived/thumbs/{one['segment_id']}.jpg"
    assert one["metadata"] == {"headline": "scene number 2"}
    scores = [each["similarity_score"] for each in found]
    assert len(found) == 4 and scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "dress", [lambda s: f"data:image/png;base64,{s}", lambda s: s.rstrip("="), lambda s: f" {s[:40]}\n{s[40:]}"]
)
def test_base64_is_taken_as_people_send_it(search: SearchWorld, dress: Any) -> None:
    index = search.index()
    a_film(search, index, cuts=1)
    assert len(search.found(f"/indexes/{index}/image-search", image_data=dress(as_base64(scene(0))))) == 1


@pytest.mark.parametrize(
    "data", ["", "not base64 at all!", "aGVsbG8gd29ybGQ=", "data:image/png;base64,", as_base64(scene(1))[:60], "A" * 15_000_000]
)
def test_what_is_no_picture_is_a_422_that_names_the_field(search: SearchWorld, data: str) -> None:
    answer = search.ask(f"/indexes/{search.index()}/image-search", image_data=data)
    assert (answer.status, answer.error) == (422, "validation_failed")
    assert "image_data" in str(answer.json["error"]["details"])


def test_a_small_file_that_unfolds_to_a_huge_picture_is_refused(search: SearchWorld) -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    import base64

    answer = search.ask(f"/indexes/{search.index()}/image-search", image_data=base64.b64encode(out.getvalue()).decode())
    assert answer.status == 422 and "media_too_large" in answer.json["error"]["message"]


def test_a_picture_speaks_through_the_newest_living_run_of_its_segment(search: SearchWorld) -> None:
    index = search.index()
    video, first = a_film(search, index, cuts=1)
    second = search.run(video, ["said later"])
    path, data = f"/indexes/{index}/image-search", as_base64(scene(0))
    assert [one["run_id"] for one in search.found(path, image_data=data)] == [second.run_id]
    search.change(second, deleted_at=search.api.store.clock())
    assert [one["run_id"] for one in search.found(path, image_data=data)] == [first.run_id]
    search.change(first, deleted_at=search.api.store.clock())
    assert search.found(path, image_data=data) == []


def test_runs_narrow_a_picture_search_to_the_segments_they_took(search: SearchWorld) -> None:
    index = search.index()
    a_film(search, index)
    video, run = a_film(search, index)
    later = search.run(video, ["only the first segment"])
    path, data = f"/indexes/{index}/image-search", as_base64(scene(0))
    found = search.found(path, image_data=data, run_ids=[run.run_id])
    assert {one["video_id"] for one in found} == {video.video_id} and len(found) == 4
    assert [one["run_id"] for one in search.found(path, image_data=data, run_ids=[later.run_id])] == [later.run_id]


def test_a_deleted_film_is_gone_from_picture_search_at_once(search: SearchWorld) -> None:
    index = search.index()
    doomed, _ = a_film(search, index)
    kept, _ = a_film(search, index)
    search.change(doomed, deleted_at=search.api.store.clock())
    found = search.found(f"/indexes/{index}/image-search", image_data=as_base64(scene(0)), top_k=100)
    assert {one["video_id"] for one in found} == {kept.video_id}


def test_equal_pictures_come_in_one_order_however_many_are_asked_for(search: SearchWorld) -> None:
    index = search.index()
    for _ in range(3):
        a_film(search, index)
    path, data = f"/indexes/{index}/image-search", as_base64(scene(1))
    long = [one["result_id"] for one in search.found(path, image_data=data, top_k=12)]
    assert [one["result_id"] for one in search.found(path, image_data=data, top_k=2)] == long[:2]
    assert long[:3] == sorted(long[:3])


class TestBothTogether:
    def test_ranks_and_scores_of_both_are_told(self, search: SearchWorld) -> None:
        index = search.index()
        a_film(search, index)
        found = search.found(f"/indexes/{index}/multimodal-search", text_query="scene number 3", image_data=as_base64(scene(3)))
        one = found[0]
        assert (one["start_time"], one["text_rank"], one["image_rank"], one["match_type"]) == (30.0, 1, 1, "both")
        assert one["fused_score"] == 1.0
        assert one["text_score"] > 0.9 and one["image_score"] > 0.9
        assert one["matched_image_timestamp"] == 34.0 and one["matched_field_paths"]
        scores = [each["fused_score"] for each in found]
        assert scores == sorted(scores, reverse=True)

    @pytest.mark.parametrize(("weights", "winner"), [((0.9, 0.1), 1), ((0.1, 0.9), 3), ((9 / 10, 0.0), 1), ((0.0, 0.5), 3)])
    def test_weights_decide_between_words_and_picture(
        self, search: SearchWorld, weights: tuple[float, float], winner: int
    ) -> None:
        index = search.index()
        a_film(search, index)
        found = search.found(
            f"/indexes/{index}/multimodal-search",
            text_query="scene number 1",
            image_data=as_base64(scene(3)),
            text_weight=weights[0],
            image_weight=weights[1],
        )
        assert found[0]["start_time"] == winner * 10.0

    def test_only_the_proportion_of_the_weights_matters(self, search: SearchWorld) -> None:
        index = search.index()
        a_film(search, index)
        body = {"text_query": "scene number 1", "image_data": as_base64(scene(3))}
        path = f"/indexes/{index}/multimodal-search"
        assert search.found(path, **body, text_weight=1, image_weight=0.5) == search.found(
            path, **body, text_weight=0.2, image_weight=0.1
        )

    def test_one_side_alone_is_a_search_of_that_side(self, search: SearchWorld) -> None:
        index = search.index()
        a_film(search, index)
        path = f"/indexes/{index}/multimodal-search"
        by_words = search.found(path, text_query="scene number 2", text_weight=0.3)
        assert {one["match_type"] for one in by_words} == {"text_only"} and by_words[0]["fused_score"] == 1.0
        assert by_words[0]["image_rank"] is None and by_words[0]["image_score"] is None
        by_picture = search.found(path, image_data=as_base64(scene(2)))
        assert {one["match_type"] for one in by_picture} == {"image_only"} and by_picture[0]["start_time"] == 20.0
        assert by_picture[0]["text_rank"] is None and by_picture[0]["text_score"] is None

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"text_query": "  ", "image_data": ""},
            {"text_query": "x", "text_weight": 0},
            {"text_query": "x", "text_weight": 1.5},
            {"text_query": "x", "image_data": "!!"},
        ],
    )
    def test_nothing_to_search_with_is_refused(self, search: SearchWorld, body: dict[str, Any]) -> None:
        answer = search.ask(f"/indexes/{search.index()}/multimodal-search", **body)
        assert (answer.status, answer.error) == (422, "validation_failed")
