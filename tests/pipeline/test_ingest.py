"""What the bucket tells of becomes a media item, or leaves nothing behind."""

import io

import pytest

from shared.domain.events import Event, EventType
from shared.domain.ids import new_id
from shared.domain.media import Video
from shared.messaging.messages import MediaStored
from tests.pipeline import films, remains, scenes
from tests.pipeline.requests_of_users import delete
from tests.pipeline.uploads import ingested
from tests.pipeline.world import World

FILM = films.film(["red", "blue"], seconds_each=1.0)


def upload(world: World, tenant: str, video_id: str, content: bytes, mime_type: str = "video/mp4", **metadata: str) -> str:
    """As a signed session ends: an object and its metadata, no row. Returns the generation."""
    stored = world.objects.put_original(tenant, video_id, io.BytesIO(content), mime_type, metadata)
    ingested(world)
    return stored.generation


def found(world: World, tenant: str, video_id: str) -> Video | None:
    return world.store.get(Video, tenant, video_id)


def kinds(world: World, tenant: str) -> list[str]:
    return [event.event_type for event in world.store.stream(Event, world.store.collection(Event, tenant))]


def test_a_finished_upload_session_becomes_a_media_item_by_its_metadata(world: World) -> None:
    tenant, video_id = scenes.a_tenant(), new_id("video")
    index = scenes.an_index(world, tenant)
    generation = upload(world, tenant, video_id, FILM, user_id="ada", index_id=index.index_id, title="By session")
    world.deliver()
    video = found(world, tenant, video_id)
    assert video is not None
    assert (video.user_id, video.index_id, video.title) == ("ada", index.index_id, "By session")
    assert (video.media_type, video.duration_seconds, video.generation) == ("video", 2.0, generation)
    assert video.thumbnail_uri.startswith("gs://derived/thumbs/")
    assert kinds(world, tenant) == [EventType.MEDIA_CREATED]


def test_the_same_telling_twice_makes_one_item_and_one_event(world: World) -> None:
    tenant, video_id = scenes.a_tenant(), new_id("video")
    generation = upload(world, tenant, video_id, FILM, user_id="ada")
    world.deliver()
    again = MediaStored(bucket="originals", name=f"media/{tenant}/{video_id}/original", generation=generation)
    assert world.stages["ingest-media"].receive(again.model_dump_json().encode()).status == 200
    assert kinds(world, tenant) == [EventType.MEDIA_CREATED]


def test_an_upload_through_the_api_keeps_its_row(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM, title="Mine")
    ingested(world)
    world.deliver()
    kept = found(world, tenant, video.video_id)
    assert kept is not None and kept.title == "Mine" and kept.thumbnail_uri
    assert kinds(world, tenant) == [EventType.MEDIA_CREATED]


@pytest.mark.parametrize("content", [b"", b"not a film", FILM[: len(FILM) // 10], b"<html><script>alert(1)</script>"])
def test_garbage_that_a_session_uploaded_leaves_nothing(world: World, content: bytes) -> None:
    tenant, video_id = scenes.a_tenant(), new_id("video")
    upload(world, tenant, video_id, content, user_id="ada", title="Trust me")
    world.deliver()
    assert found(world, tenant, video_id) is None
    assert remains.objects(world, tenant) == []
    assert EventType.MEDIA_CREATED not in kinds(world, tenant)


def test_an_object_of_nobody_is_removed(world: World) -> None:
    tenant, video_id = scenes.a_tenant(), new_id("video")
    upload(world, tenant, video_id, FILM)
    world.deliver()
    assert found(world, tenant, video_id) is None
    assert remains.objects(world, tenant) == []


def test_an_upload_into_an_index_deleted_meanwhile_leaves_nothing(world: World) -> None:
    tenant, video_id = scenes.a_tenant(), new_id("video")
    index = scenes.an_index(world, tenant)
    delete(world, index)
    upload(world, tenant, video_id, FILM, user_id="ada", index_id=index.index_id)
    world.deliver()
    assert found(world, tenant, video_id) is None
    assert remains.objects(world, tenant) == []


def test_an_upload_cannot_name_an_index_of_somebody_else(world: World) -> None:
    stranger, tenant, video_id = scenes.a_tenant(), scenes.a_tenant(), new_id("video")
    index = scenes.an_index(world, stranger)
    upload(world, tenant, video_id, FILM, user_id="ada", index_id=index.index_id)
    world.deliver()
    assert found(world, tenant, video_id) is None
    assert remains.objects(world, tenant) == []


def test_the_telling_of_an_overwritten_generation_does_nothing(world: World) -> None:
    tenant, video_id = scenes.a_tenant(), new_id("video")
    first = upload(world, tenant, video_id, FILM, user_id="ada", title="First")
    assert world.lose("ingest-media") == 1
    second = upload(world, tenant, video_id, films.picture(), "image/png", user_id="ada", title="Second")
    assert world.lose("ingest-media") == 1
    for generation, title in ((first, None), (second, "Second")):
        told = MediaStored(bucket="originals", name=f"media/{tenant}/{video_id}/original", generation=generation)
        assert world.stages["ingest-media"].receive(told.model_dump_json().encode()).status == 200
        video = found(world, tenant, video_id)
        assert (video.title if video else None) == title


def test_a_late_upload_of_an_item_that_is_being_deleted_goes_with_it(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    ingested(world)
    world.deliver()
    delete(world, video)
    assert world.lose("purge") == 1
    upload(world, tenant, video.video_id, FILM, user_id="ada")
    world.deliver()
    assert all("original" not in name for name in remains.objects(world, tenant))


def test_a_late_upload_of_an_item_that_is_gone_does_not_bring_it_back(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    ingested(world)
    world.deliver()
    delete(world, video)
    world.deliver()
    assert found(world, tenant, video.video_id) is None
    upload(world, tenant, video.video_id, FILM, user_id="ada")
    world.deliver()
    assert found(world, tenant, video.video_id) is None
    assert remains.objects(world, tenant) == []


def test_previews_of_an_item_deleted_while_they_were_made_do_not_stay(world: World) -> None:
    tenant = scenes.a_tenant()
    video = scenes.a_video(world, tenant, FILM)
    ingested(world)
    put = world.objects.put_derived
    begun = []

    def deleted_meanwhile(name: str, content: bytes, content_type: str) -> str:
        if not begun:
            begun.append(delete(world, video))
            purge = world.tasks.due(world.clock())
            assert [world.stages["purge"].receive(delivery.body).status for delivery in purge] == [200]
        return put(name, content, content_type)

    world.objects.put_derived = deleted_meanwhile  # type: ignore[method-assign]
    world.deliver()
    assert found(world, tenant, video.video_id) is None
    assert remains.objects(world, tenant) == []


@pytest.mark.parametrize("name", ["elsewhere/x", "media/tnt/vid_short/original", "media/a/b/c/original", "thumbs/t/v/poster.jpg"])
def test_an_object_that_is_no_original_is_left_alone(world: World, name: str) -> None:
    told = MediaStored(bucket="originals", name=name, generation="1")
    assert told.owner() is None
    assert world.stages["ingest-media"].receive(told.model_dump_json().encode()).status == 200
