"""Documents read by their paths, whole or in part, and by queries, through Google's client on the engine in this process."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable

from emulators.firestore.engine import Engine
from emulators.firestore.inprocess import client
from infra.manifests import ROOT
from shared.domain.media import Video
from shared.store.documents import Changed, Store

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "mime_type": "video/mp4",
    "size_bytes": 2**40,
    "duration_seconds": 12.5,
    "has_audio": True,
    "sprite": {"count": 3, "tiles": [{"width": 160}, {"width": 90}], "nothing": None},
    "active_runs": {"run_a": "processing"},
}


@pytest.fixture
def store() -> Store:
    engine = Engine(None, NOW.timestamp, ROOT / "infra" / "firestore.indexes.json")
    made = Store(client(engine, "p"), lambda: NOW, None)  # type: ignore[arg-type]  # no value here is long
    batch = made.batch()
    for name in ("a", "b"):
        names = {"user_id": "ada", "title": f"Film {name}", "video_uri": f"gs://originals/{name}"}
        batch.create(Video(created_at=NOW, updated_at=NOW, tenant="t", video_id=name, **names, **FIELDS))
    batch.commit()
    return made


def test_every_kind_of_value_comes_back_as_it_was_written(store: Store) -> None:
    [video] = store.get_all(Video, [("t", "a")])
    assert {name: getattr(video, name) for name in FIELDS} == FIELDS
    assert (video.created_at, video.deleted_at, video.title) == (NOW, None, "Film a")


def test_those_that_are_not_there_are_left_out_and_one_asked_for_twice_comes_once(store: Store) -> None:
    found = store.get_all(Video, [("t", "b"), ("t", "b"), ("t", "gone"), ("other", "a")])
    assert [one.video_id for one in found] == ["b"]
    assert store.get(Video, "t", "gone") is None
    assert store.get_all(Video, []) == []


def test_in_part_a_document_has_what_was_asked_for_and_what_every_copy_needs(store: Store) -> None:
    [video] = store.get_all(Video, [("t", "a")], only=("mime_type",))
    assert (video.mime_type, video.title, video.video_id) == ("video/mp4", "Film a", "a")
    assert (video.size_bytes, video.sprite) == (0, {})


def test_what_was_read_in_part_is_never_written(store: Store) -> None:
    [video] = store.get_all(Video, [("t", "a")], only=("mime_type",))
    batch = store.batch()
    for write in (lambda: batch.put(video), lambda: batch.create(video), lambda: batch.change(video, title="Other")):
        with pytest.raises(ValueError, match="read in part"):
            write()


def test_a_field_that_the_document_does_not_have_is_a_mistake_of_ours(store: Store) -> None:
    with pytest.raises(ValueError, match="Video keeps no colour"):
        store.get_all(Video, [("t", "a")], only=("colour",))


def test_a_copy_read_by_its_path_can_be_changed_under_its_fence(store: Store) -> None:
    video, stale = store.get(Video, "t", "a"), store.get(Video, "t", "a")
    assert video is not None and stale is not None
    batch = store.batch()
    batch.change(video, title="New")
    batch.commit()
    late = store.batch()
    late.change(stale, title="Late")
    with pytest.raises(Changed):
        late.commit()
    found = store.get(Video, "t", "a")
    assert found is not None and found.title == "New"


class Breaking:
    """The service's client, whose next `breaks` streams end in an error after `given` answers."""

    def __init__(self, whole: Any, breaks: int, given: int) -> None:
        self._whole, self._breaks, self._given = whole, breaks, given

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def run_query(self, **request: Any) -> Iterator[Any]:
        for number, answer in enumerate(self._whole.run_query(**request)):
            if self._breaks and number == self._given:
                self._breaks -= 1
                raise ServiceUnavailable("the connection was lost")
            yield answer


@pytest.mark.parametrize(("given", "limit"), [(1, None), (1, 2), (2, 2), (1, 1), (2, None)])
def test_a_query_whose_stream_breaks_goes_on_behind_the_last_document(store: Store, given: int, limit: int | None) -> None:
    asked = store.collection(Video, "t").order_by("title")
    asked = asked if limit is None else asked.limit(limit)
    expected = [one.video_id for one in store.stream(Video, asked)]
    store.db._firestore_api_internal = Breaking(store.db._firestore_api, breaks=1, given=given)
    assert [one.video_id for one in store.stream(Video, asked)] == expected == ["a", "b"][:limit]
    assert [one.video_id for one in store.stream(Video, store.across_tenants(Video))] == ["a", "b"]


def test_a_stream_that_breaks_before_its_first_document_is_a_failure(store: Store) -> None:
    store.db._firestore_api_internal = Breaking(store.db._firestore_api, breaks=1, given=0)
    with pytest.raises(ServiceUnavailable):
        list(store.stream(Video, store.collection(Video, "t")))
