"""Files at addresses of somebody's: one that ran out is mended by a fresh one, in the same job."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.imports import SourceFile, file_id, source_place
from shared.store.imports import Attachment, Imports
from tests.pipeline.import_house import a_sound
from tests.pipeline.shelf import Shelf
from tests.pipeline.stores import ConnectorHouse
from tests.pipeline.world import World


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf(a_sound())
    yield made
    made.close()


class Sender:
    """Attaches files named by letters, and asks for what became of them."""

    def __init__(self, world: World, shelf: Shelf) -> None:
        self.house = ConnectorHouse(world)
        self.world, self.shelf = world, shelf
        self.job_id = "imp_attached"

    def attach(self, *names: str) -> dict[str, Any]:
        sealer, tenant = self.world.opener.sealer, self.house.tenant
        files = []
        for name in names:
            identity = file_id(self.job_id, name)
            sealed = sealer.seal(self.shelf.address(f"/{name}").encode(), source_place(tenant, self.job_id, identity))
            files.append(Attachment(identity, f"{name}.wav", name, sealed))
        Imports(self.world.store, self.world.queues).attach(tenant, self.job_id, "ada", "", files)
        self.world.deliver()
        return self.job()

    def job(self) -> dict[str, Any]:
        return self.house.call("GET", f"/import-jobs/{self.job_id}").json

    def retry(self, *files: tuple[str, str]) -> Any:
        body = {"files": [{"file_id": name, "download_url": url} for name, url in files]} if files else None
        answer = self.house.call("POST", f"/import-jobs/{self.job_id}/retry", body)
        self.world.deliver()
        return answer


@pytest.fixture
def sender(world: World, shelf: Shelf) -> Sender:
    return Sender(world, shelf)


def test_a_fresh_address_mends_what_ran_out_and_only_that(sender: Sender, shelf: Shelf) -> None:
    shelf.gone = {"/b", "/c"}
    first = sender.attach("a", "b", "c")
    assert (first["progress"]["imported"], first["progress"]["failed"]) == (1, 2)
    listed = sender.house.call("GET", f"/import-jobs/{sender.job_id}/files").json["items"]
    shelf.asked.clear()
    fresh = [("a", shelf.address("/a2")), ("b", shelf.address("/b2")), (listed[2]["file_id"], shelf.address("/c2"))]
    assert sender.retry(*fresh).status == 200
    again = sender.job()
    assert (again["status"], again["progress"]["imported"], again["progress"]["failed"]) == ("completed", 3, 0)
    assert len(set(again["video_ids"])) == 3
    assert set(shelf.asked) == {"/b2", "/c2"}, "what is here is not fetched again"
    rows = sender.world.store.stream(SourceFile, sender.world.store.collection(SourceFile, sender.house.tenant, sender.job_id))
    assert {row.sealed for row in rows} == {""}, "no address is kept of a file that is here"


def test_without_fresh_addresses_the_old_ones_are_tried_again(sender: Sender, shelf: Shelf) -> None:
    shelf.gone = {"/a"}
    assert sender.attach("a")["progress"]["failed"] == 1
    assert sender.retry().status == 200 and sender.job()["progress"]["failed"] == 1
    shelf.gone = set()
    assert sender.retry().status == 200 and sender.job()["progress"]["imported"] == 1


@pytest.mark.parametrize(
    ("name", "url", "field"),
    [
        ("d", "http://127.0.0.1:1/d", "files.0.file_id"),
        ("../a", "http://127.0.0.1:1/d", "files.0.file_id"),
        ("a", "file:///etc/passwd", "files.0.download_url"),
        ("a", "http://169.254.169.254/latest/meta-data", "files.0.download_url"),
    ],
)
def test_a_stranger_to_the_job_or_an_address_that_leads_inside_is_refused(
    sender: Sender, shelf: Shelf, name: str, url: str, field: str
) -> None:
    shelf.gone = {"/a"}
    sender.attach("a")
    refused = sender.retry((name, url))
    assert (refused.status, refused.error) == (422, "validation_failed")
    assert [one["field"] for one in refused.json["error"]["details"]["errors"]] == [field]
    assert sender.job()["status"] != "scanning"
