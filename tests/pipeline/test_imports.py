"""Imports through the real stages, from a bucket of the storage emulator."""

import pytest

from shared.connectors import port
from shared.domain.ids import new_id
from shared.domain.imports import ImportStatus
from shared.domain.media import Index
from shared.messaging.messages import ImportFile, ScanImport
from tests.pipeline.import_house import BUCKET, CANARY, TENANT, ImportHouse, a_sound
from tests.pipeline.world import World


@pytest.fixture
def house(world: World) -> ImportHouse:
    return ImportHouse(world)


def test_what_matches_becomes_media_and_the_rest_is_accounted_for(house: ImportHouse) -> None:
    house.put("in/a.wav", a_sound(0.2))
    house.put("in/deep/b.WAV", a_sound(0.3))
    house.put("in/fake.wav", b"this is no sound at all, whatever its name says")
    house.put("in/empty.wav", b"")
    house.put("in/notes.txt", b"hello")
    house.put("in/folder/", b"")
    house.put("elsewhere/c.wav", a_sound())
    job = house.run(source_prefix="in/")
    assert (job.status, job.total_files, job.imported, job.failed, job.skipped) == ("completed", 5, 2, 2, 1)
    files = house.files(job.job_id)
    assert files["in/fake.wav"].error_code == "unsupported_media"
    assert files["in/empty.wav"].error_code == "empty_file"
    assert files["in/notes.txt"].skip_reason == "not media by its name"
    videos = {one.title: one for one in house.videos()}
    assert set(videos) == {"a.wav", "b.WAV"}
    assert {one.source_connector_id for one in videos.values()} == {house.connector_id}
    assert set(job.video_ids) == {one.video_id for one in videos.values()} == set(house.imports.video_ids(job))
    assert house.world.objects.read(videos["a.wav"].video_uri) == a_sound(0.2)
    assert job.bytes_transferred == len(a_sound(0.2)) + len(a_sound(0.3))
    events = house.events()
    assert (events[0], events[-1]) == ("import_job.started", "import_job.partial_completed")
    assert job.wake_at is None


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({"file_pattern": "*.{wav,mov}"}, {"a.wav", "b.wav", "c.mov"}),
        ({"file_pattern": "*.wav", "recursive": False, "source_prefix": "x/"}, {"a.wav"}),
        ({"file_pattern": "y/*.wav", "source_prefix": "x/"}, {"b.wav"}),
        ({"file_pattern": "**/c.*"}, {"c.mov"}),
    ],
)
def test_prefix_pattern_and_depth_choose(house: ImportHouse, wanted: dict, titles: set[str]) -> None:
    for name in ("x/a.wav", "x/y/b.wav", "z/c.mov", "z/d.ogg"):
        house.put(name, a_sound())
    job = house.run(**wanted)
    assert {one.title for one in house.videos()} == titles
    assert job.imported == len(titles)


def test_a_listing_of_several_pages_brings_each_object_once(house: ImportHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.pipeline.scan_import.scanning.PAGE", 3)
    for n in range(10):
        house.put(f"{n}.wav", a_sound(0.1 + n / 100))
    job = house.run()
    assert (job.status, job.imported, job.total_files) == ("completed", 10, 10)
    assert [one["source_ordinal"] for one in job.head_outputs] == list(range(10))
    assert house.events()[-1] == "import_job.completed"


def test_new_only_passes_by_what_has_not_changed(house: ImportHouse) -> None:
    house.put("a.wav", a_sound(0.2))
    house.put("b.wav", a_sound(0.3))
    house.put("bad.wav", b"no sound")
    assert house.run(import_mode="new_only").imported == 2
    house.put("b.wav", a_sound(0.4))
    again = house.run(import_mode="new_only")
    assert (again.imported, again.skipped, again.failed, again.status) == (1, 2, 0, "completed")
    assert house.files(again.job_id)["a.wav"].skip_reason == "imported already, and unchanged"
    assert house.files(again.job_id)["bad.wav"].skip_reason.startswith("refused before")
    assert house.run(import_mode="all").imported == 2


def test_every_message_twice_makes_nothing_twice(house: ImportHouse) -> None:
    for n in range(4):
        house.put(f"{n}.wav", a_sound(0.1 + n / 100))
    job_id = house.begin()
    stages, world = house.world.stages, house.world
    for name in ("scan-import", "import-file"):
        once = stages[name].receive
        stages[name].receive = lambda body, once=once: (once(body), once(body))[1]  # type: ignore[method-assign]
    world.deliver()
    job = house.job(job_id)
    assert (job.status, job.imported, job.total_files) == ("completed", 4, 4)
    assert len(house.videos()) == 4
    assert house.events().count("import_job.completed") == 1


def test_the_same_start_again_is_the_same_job(house: ImportHouse) -> None:
    house.put("a.wav", a_sound())
    job_id = new_id("import_job")
    house.begin(job_id=job_id)
    house.begin(job_id=job_id)
    house.world.deliver()
    house.begin(job_id=job_id)
    house.world.deliver()
    assert len(house.videos()) == 1


def test_cancel_keeps_what_arrived_and_stops_the_rest(house: ImportHouse) -> None:
    for n in range(6):
        house.put(f"{n}.wav", a_sound(0.1 + n / 100))
    job_id = house.begin()
    world = house.world
    world.deliver_due()  # the listing
    files = sorted(house.files(job_id).values(), key=lambda one: one.ordinal)
    for one in files[:2]:
        body = ImportFile(tenant=TENANT, job_id=job_id, file_id=one.file_id).model_dump_json().encode()
        assert world.stages["import-file"].receive(body).status == 200
    assert house.imports.cancel(TENANT, job_id).status == ImportStatus.CANCELLED
    world.deliver()
    job = house.job(job_id)
    assert (job.status, job.imported, len(house.videos()), job.wake_at) == ("cancelled", 2, 2, None)
    assert {one.status for one in house.files(job_id).values()} == {"imported", "cancelled"}
    assert not any(one.open for one in house.files(job_id).values())
    assert "import_job.completed" not in house.events() and "import_job.failed" not in house.events()
    assert house.imports.retry(TENANT, job_id).status == "scanning"
    world.deliver()
    assert (house.job(job_id).status, house.job(job_id).imported, len(house.videos())) == ("completed", 6, 6)


def test_progress_is_told_while_files_are_still_open(house: ImportHouse) -> None:
    for n in range(3):
        house.put(f"{n}.wav", a_sound(0.1 + n / 100))
    job_id, stages = house.begin(), house.world.stages
    house.world.deliver_due()  # the listing
    first = min(house.files(job_id).values(), key=lambda one: one.ordinal)
    copied = ImportFile(tenant=TENANT, job_id=job_id, file_id=first.file_id).model_dump_json().encode()
    assert stages["import-file"].receive(copied).status == 200
    told = ScanImport(tenant=TENANT, job_id=job_id).model_dump_json().encode()
    for _ in range(2):  # nothing moved between the two
        assert stages["scan-import"].receive(told).status == 200
    assert (house.job(job_id).status, house.job(job_id).imported) == ("importing", 1)
    assert house.events().count("import_job.progress") == 1
    house.world.deliver()
    assert house.events()[-1] == "import_job.completed"


def test_a_copy_under_way_stops_and_leaves_no_half_object(house: ImportHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("long.wav", a_sound(3.0))
    job_id = house.begin()
    house.world.deliver_due()
    monkeypatch.setattr("functions.pipeline.import_file.copying.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("functions.pipeline.import_file.copying.HELD_BYTES", 10)  # as if it were large
    monkeypatch.setattr("shared.connectors.gcs.PIECE_BYTES", 1000)
    file = house.files(job_id)["long.wav"]
    read = port.PIECE_BYTES
    assert read
    looked = []

    from functions.pipeline.import_file import importing

    wanted = importing._wanted

    def cancelled_meanwhile(job, deps):  # type: ignore[no-untyped-def]
        looked.append(1)
        if len(looked) == 3:
            house.imports.cancel(TENANT, job_id)
        return wanted(job, deps)

    monkeypatch.setattr(importing, "_wanted", cancelled_meanwhile)
    body = ImportFile(tenant=TENANT, job_id=job_id, file_id=file.file_id).model_dump_json().encode()
    assert house.world.stages["import-file"].receive(body).status == 200
    house.world.deliver()
    assert len(looked) <= 6  # it stopped at the next look
    assert house.files(job_id)["long.wav"].status == "cancelled"
    assert not house.videos()
    assert not list(house.client.list_blobs("originals"))


def test_failed_files_are_taken_up_again_alone(house: ImportHouse) -> None:
    house.put("good.wav", a_sound(0.2))
    house.put("bad.wav", b"not yet")
    job = house.run()
    assert (job.failed, job.imported) == (1, 1)
    house.put("bad.wav", a_sound(0.5))
    house.imports.retry(TENANT, job.job_id)
    house.world.deliver()
    job = house.job(job.job_id)
    assert (job.status, job.failed, job.imported, len(house.videos())) == ("completed", 0, 2, 2)
    assert house.events()[-1] == "import_job.completed"
    assert house.imports.retry(TENANT, job.job_id).round == 1  # nothing is left to be done


def test_an_object_that_went_meanwhile_fails_with_the_reason(house: ImportHouse) -> None:
    house.put("a.wav", a_sound())
    house.put("b.wav", a_sound(0.3))
    job_id = house.begin()
    house.world.deliver_due()
    house.bucket.blob("a.wav").delete()
    house.world.deliver()
    assert house.files(job_id)["a.wav"].error_code == "no_such_file"
    assert house.job(job_id).imported == 1


def test_a_connector_that_is_gone_fails_the_job_in_words(house: ImportHouse) -> None:
    job_id = house.begin()
    connector = next(iter(house.world.store.stream(port_connector(), house.world.store.collection(port_connector(), TENANT))))
    batch = house.world.store.batch()
    batch.change(connector, deleted_at=house.world.store.clock())
    batch.commit()
    house.world.deliver()
    job = house.job(job_id)
    assert (job.status, job.error_code, job.wake_at) == ("failed", "connector_not_found", None)
    assert house.events() == ["import_job.failed"]


def port_connector():  # type: ignore[no-untyped-def]
    from shared.domain.connectors import Connector

    return Connector


def test_an_index_deleted_in_the_middle_receives_nothing_more(house: ImportHouse) -> None:
    for n in range(3):
        house.put(f"{n}.wav", a_sound(0.1 + n / 100))
    job_id = house.begin()
    house.world.deliver_due()
    index = house.world.store.get(Index, TENANT, house.index_id)
    batch = house.world.store.batch()
    batch.change(index, deleted_at=house.world.store.clock())
    batch.commit()
    house.world.deliver()
    assert house.job(job_id).status == "failed"
    assert not house.videos()
    assert not list(house.client.list_blobs("originals"))


def test_lost_messages_are_sent_again_by_the_sweep(house: ImportHouse) -> None:
    for n in range(3):
        house.put(f"{n}.wav", a_sound(0.1 + n / 100))
    job_id = house.begin()
    assert house.world.lose("scan-import") == 1
    for _ in range(4):
        house.world.clock.advance(1_000)
        house.world.tick()
        house.world.lose("import-file")
        house.world.deliver()
    house.world.clock.advance(1_000)
    house.world.tick()
    house.world.deliver(horizon=2_000)
    assert house.job(job_id).status == "completed"
    assert len(house.videos()) == 3


def test_a_stale_step_of_the_listing_changes_nothing(house: ImportHouse) -> None:
    house.put("a.wav", a_sound())
    job = house.run()
    body = ScanImport(tenant=TENANT, job_id=job.job_id, page_id="p0").model_dump_json().encode()
    assert house.world.stages["scan-import"].receive(body).status == 200
    house.world.deliver()
    assert house.job(job.job_id) == job


@pytest.mark.parametrize(
    "name", ["/lead.wav", "a//b.wav", "ü/日本語 🎬.wav", "a" * 1020 + ".wav", "%2e%2e/x.wav", "a\\b.wav", "-rf *.wav"]
)
def test_odd_names_are_imported_under_an_id_of_ours(house: ImportHouse, name: str) -> None:
    house.put(name, a_sound())
    job = house.run()
    assert (job.imported, job.failed) == (1, 0), house.files(job.job_id)
    assert house.videos()[0].video_uri == f"gs://originals/media/{TENANT}/{house.videos()[0].video_id}/original"


@pytest.mark.parametrize("name", ["../up.wav", "a/../b.wav", "a/./b.wav", "x/..", "nul\x00.wav", "line\n.wav", "..\\x.wav"])
def test_names_that_lead_elsewhere_are_left_alone(name: str) -> None:
    from shared.domain import object_names

    assert object_names.fault(name)
    assert object_names.target_fault(name)


def test_the_secret_is_stored_sealed_and_nowhere_else(house: ImportHouse, capfd: pytest.CaptureFixture[str]) -> None:
    house.put("a.wav", a_sound())
    house.put("b.wav", b"no")
    house.run()
    stored = house.everything_stored()
    assert CANARY not in stored and "PRIVATE KEY" not in stored
    logged = capfd.readouterr()
    assert CANARY not in logged.err + logged.out and "PRIVATE KEY" not in logged.err + logged.out
    assert BUCKET in stored
