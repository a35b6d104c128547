from typing import Any

from shared.domain.ids import new_id
from shared.domain.media import Index, Video
from shared.domain.runs import Run
from shared.domain.sharing import SHARED_TENANT
from tests.api.world import World


def an_index(world: World, name: str = "Archive", sub: str = "ada", **more: Any) -> dict[str, Any]:
    made = world.call("POST", "/indexes", {"name": name, **more}, world.as_owner(sub))
    assert made.status == 201, made.body
    return made.json


def tenant_of(world: World, sub: str = "ada") -> str:
    key = world.store.db.collection("api_keys_by_hash")
    world.as_key("read", sub=sub)
    return next(d.get("tenant") for d in key.stream() if d.get("user_id") == sub)


def put_video(world: World, tenant: str, index_id: str, title: str, **more: Any) -> Video:
    now = world.store.clock()
    video = Video(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        video_id=new_id("video"),
        user_id="ada",
        title=title,
        video_uri="gs://originals/x",
        index_id=index_id,
        **more,
    )
    batch = world.store.batch()
    batch.create(video)
    batch.commit()
    world.clock.advance(1)
    return video


def put_run(world: World, tenant: str, index_ids: list[str], **more: Any) -> Run:
    now = world.store.clock()
    values = {
        "prompt_id": new_id("prompt"), "prompt_name": "Scenes", "prompt_revision": 1, "status": "pending", **more,
    }  # fmt: skip
    run = Run(created_at=now, updated_at=now, tenant=tenant, run_id=new_id("run"), user_id="ada", index_ids=index_ids, **values)
    batch = world.store.batch()
    batch.create(run)
    batch.commit()
    world.clock.advance(1)
    return run


def put_default_index(world: World) -> Index:
    now = world.store.clock()
    index = Index(
        created_at=now,
        updated_at=now,
        tenant=SHARED_TENANT,
        index_id=new_id("index"),
        user_id="",
        name="Samples",
        is_default=True,
    )
    batch = world.store.batch()
    batch.create(index)
    batch.commit()
    return index


def test_a_created_index_can_be_read_again(world: World) -> None:
    made = an_index(world, description="Old news")
    read = world.call("GET", f"/indexes/{made['index_id']}", None, world.as_key("search"))
    assert read.status == 200
    assert read.json == made
    assert made["name"] == "Archive" and made["description"] == "Old news" and made["is_default"] is False


def test_a_name_of_blanks_is_refused_with_its_field(world: World) -> None:
    refused = world.call("POST", "/indexes", {"name": "   "}, world.as_owner())
    assert (refused.status, refused.error) == (422, "validation_failed")
    assert refused.json["error"]["details"]["errors"][0]["field"] == "name"


def test_indexes_are_listed_newest_first_with_the_defaults_last_and_only_if_wished(world: World) -> None:
    put_default_index(world)
    an_index(world, "first")
    an_index(world, "second")
    an_index(world, "a stranger's", sub="bob")
    listed = world.call("GET", "/indexes", None, world.as_owner()).json
    assert [one["name"] for one in listed] == ["second", "first", "Samples"]
    assert [one["is_default"] for one in listed] == [False, False, True]
    own = world.call("GET", "/indexes", None, world.as_owner(), query={"include_defaults": "false"}).json
    assert [one["name"] for one in own] == ["second", "first"]


def test_a_default_index_is_read_by_everybody_and_deleted_by_nobody(world: World) -> None:
    index_id = put_default_index(world).index_id
    assert world.call("GET", f"/indexes/{index_id}", None, world.as_owner("bob")).status == 200
    refused = world.call("DELETE", f"/indexes/{index_id}", None, world.as_owner())
    assert (refused.status, refused.error) == (403, "read_only_default")


def test_a_deleted_index_is_gone_at_once_and_its_deletion_stays_the_same(world: World) -> None:
    made = an_index(world)
    path = f"/indexes/{made['index_id']}"
    first = world.call("DELETE", path, None, world.as_owner())
    assert first.status == 200
    assert first.json["status"] == "draining" and first.json["retry_after_seconds"] >= 1
    assert world.call("GET", path, None, world.as_owner()).status == 404
    assert world.call("GET", f"{path}/videos", None, world.as_owner()).status == 404
    assert world.call("GET", "/indexes", None, world.as_owner(), query={"include_defaults": "false"}).json == []
    again = world.call("DELETE", path, None, world.as_owner())
    assert again.json["deletion_id"] == first.json["deletion_id"]
    assert world.call("GET", f"{path}/deletion", None, world.as_owner()).json["deletion_id"] == first.json["deletion_id"]


def test_deleting_an_index_wakes_the_purge_with_its_deletion(world: World) -> None:
    deleted = world.call("DELETE", f"/indexes/{an_index(world)['index_id']}", None, world.as_owner()).json
    bodies = [delivery.body.decode() for delivery in world.tasks.due(world.clock() + 1)]
    assert any(deleted["deletion_id"] in body and '"purge"' in body for body in bodies)


def test_media_of_an_index_are_paged_newest_first_without_gap_or_repeat(world: World) -> None:
    index_id, tenant = an_index(world)["index_id"], tenant_of(world)
    titles = [put_video(world, tenant, index_id, f"film {n}").title for n in range(7)]
    put_video(world, tenant, index_id, "deleted", deleted_at=world.store.clock())
    put_video(world, tenant, "", "in the playground")
    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = world.call("GET", f"/indexes/{index_id}/videos", None, world.as_key("read"), query=query).json
        seen += [video["title"] for video in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        assert page["pagination"]["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == titles[::-1]


def test_media_made_in_the_same_instant_are_still_paged_once_each(world: World) -> None:
    index_id, tenant = an_index(world)["index_id"], tenant_of(world)
    at = world.clock.now
    for n in range(5):
        put_video(world, tenant, index_id, f"film {n}")
        world.clock.now = at
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = world.call("GET", f"/indexes/{index_id}/videos", None, world.as_owner(), query=query).json
        seen += [video["title"] for video in page["data"]]
        cursor = page["pagination"]["next_cursor"]
    assert sorted(seen) == [f"film {n}" for n in range(5)] and cursor is None


def test_a_cursor_is_good_for_no_other_listing(world: World) -> None:
    one, other, tenant = an_index(world)["index_id"], an_index(world)["index_id"], tenant_of(world)
    for n in range(2):
        put_video(world, tenant, one, f"film {n}")
    page = world.call("GET", f"/indexes/{one}/videos", None, world.as_owner(), query={"limit": 1}).json
    cursor = page["pagination"]["next_cursor"]
    foreign = world.call("GET", f"/indexes/{other}/videos", None, world.as_owner(), query={"cursor": cursor})
    assert (foreign.status, foreign.error) == (400, "invalid_cursor")
    for broken in (cursor[:-2], "A" + cursor[1:] if cursor[0] != "A" else "B" + cursor[1:], "%%%", "x" * 5000):
        assert world.call("GET", f"/indexes/{one}/videos", None, world.as_owner(), query={"cursor": broken}).status == 400


def test_a_limit_out_of_range_is_refused(world: World) -> None:
    index_id = an_index(world)["index_id"]
    for limit in ("0", "101", "many", ""):
        assert world.call("GET", f"/indexes/{index_id}/videos", None, world.as_owner(), query={"limit": limit}).status == 422


def test_runs_of_an_index_are_those_that_touch_it(world: World) -> None:
    one, other, tenant = an_index(world)["index_id"], an_index(world)["index_id"], tenant_of(world)
    both, alone = put_run(world, tenant, [one, other]), put_run(world, tenant, [one])
    put_run(world, tenant, [""])
    page = world.call("GET", f"/indexes/{one}/prompt-runs", None, world.as_key("read")).json
    assert [run["run_id"] for run in page["data"]] == [alone.run_id, both.run_id]


def test_a_prompt_is_attached_to_an_index_with_a_word_of_deprecation(world: World) -> None:
    index_id = an_index(world)["index_id"]
    prompt = {"name": "Scenes", "prompt_text": "Describe the scene.", "json_schema": {"type": "object"}}
    prompt_id = world.call("POST", "/prompts", prompt, world.as_owner()).json["prompt_id"]
    path = f"/indexes/{index_id}/prompt"
    assert world.call("GET", path, None, world.as_owner()).json == {"index_id": index_id, "prompt_id": None}
    put = world.call("PUT", path, {"prompt_id": prompt_id}, world.as_owner())
    assert put.json == {"index_id": index_id, "prompt_id": prompt_id}
    assert put.headers["Deprecation"]
    assert world.call("GET", path, None, world.as_owner()).json["prompt_id"] == prompt_id
    assert world.call("DELETE", path, None, world.as_owner()).json["prompt_id"] is None


def test_a_prompt_that_is_not_there_cannot_be_attached(world: World) -> None:
    path = f"/indexes/{an_index(world)['index_id']}/prompt"
    refused = world.call("PUT", path, {"prompt_id": new_id("prompt")}, world.as_owner())
    assert (refused.status, refused.error) == (404, "prompt_not_found")
