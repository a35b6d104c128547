"""What a run found, over all of its media in one listing: whole and in order, page by page, with and without the empty ones."""

from typing import Any

import pytest

from shared.domain.runs import RunMedia, SegmentResult
from tests.api.test_indexes import put_run, put_video, tenant_of
from tests.api.world import World

ITEMS = 3  # of two segments each; nothing was found in the second


@pytest.fixture
def run_id(world: World) -> str:
    """A completed run over several items, each with a summary."""
    tenant, now = tenant_of(world), world.store.clock()
    run = put_run(world, tenant, [""], status="completed", prompt={"json_schema": {"type": "object"}})
    for n in range(ITEMS):
        video = put_video(world, tenant, "", f"film {n}")
        times = {"created_at": now, "updated_at": now, "tenant": tenant, "run_id": run.run_id, "video_id": video.video_id}
        batch = world.store.batch()
        level = {"video_level_status": "completed", "video_level_metadata": {"summary": f"of film {n}"}}
        batch.create(RunMedia(**times, status="completed", open=False, total_segments=2, successful_segments=2, **level))
        for ordinal in range(2):
            place = {"segment_id": f"seg_{n}_{ordinal}", "ordinal": ordinal, "start": 5.0 * ordinal, "end": 5.0 * ordinal + 5}
            found = {"field_extraction_succeeded": True, "metadata": {"headline": f"headline {n}" if ordinal == 0 else ""}}
            batch.create(SegmentResult(**times, **place, **found, status="successful", open=False))
        batch.commit()
    return run.run_id


def listed(world: World, run_id: str, **query: Any) -> dict[str, Any]:
    answer = world.call("GET", f"/workflow/runs/{run_id}/results", None, world.as_owner(), query=query)
    assert answer.status == 200, answer.body
    return answer.json


def walked(world: World, run_id: str, name: str, **query: Any) -> list[dict[str, Any]]:
    """One of the two listings, page by page to its end."""
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(20):
        page = listed(world, run_id, view=name, **query, **({f"{name}_cursor": cursor} if cursor else {}))[name]
        found += page["data"]
        cursor = page["pagination"]["next_cursor"]
        assert page["pagination"]["has_more"] == (cursor is not None)
        if cursor is None:
            return found
    raise AssertionError("it never ends")


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_segment_of_every_item_is_listed_once(world: World, run_id: str, limit: int) -> None:
    whole = walked(world, run_id, "unfiltered", limit=limit)
    assert len({(one["video_id"], one["segment_id"]) for one in whole}) == len(whole) == 2 * ITEMS
    assert [one["video_id"] for one in whole] == sorted(one["video_id"] for one in whole)
    some = walked(world, run_id, "filtered", limit=limit)
    assert [one["metadata"]["headline"][:8] for one in some] == ["headline"] * ITEMS


def test_items_as_a_whole_are_listed_by_their_summaries(world: World, run_id: str) -> None:
    found = walked(world, run_id, "unfiltered", limit=1, result_level="video")
    assert sorted(one["metadata"]["summary"] for one in found) == [f"of film {n}" for n in range(ITEMS)]


def test_a_listing_that_is_not_asked_for_is_null_and_a_cursor_is_good_for_its_own(world: World, run_id: str) -> None:
    both = listed(world, run_id, limit=1)
    assert both["filtered"]["data"] and both["unfiltered"]["data"] and both["status"] == "completed"
    assert listed(world, run_id, view="filtered")["unfiltered"] is None
    swapped = {"view": "filtered", "filtered_cursor": both["unfiltered"]["pagination"]["next_cursor"]}
    answer = world.call("GET", f"/workflow/runs/{run_id}/results", None, world.as_owner(), query=swapped)
    assert (answer.status, answer.error) == (400, "invalid_cursor")
    assert world.call("GET", f"/workflow/runs/{run_id}/results", None, world.as_owner("eve")).error == "run_not_found"
