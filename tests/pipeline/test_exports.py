"""Exports: what runs found, as one file, written once however often it is asked for, and gone with what it tells of."""

import io
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from shared.domain.events import Event
from shared.domain.exports import Export
from shared.domain.media import Deletion, Video
from shared.messaging.messages import BuildExport
from shared.store.deletions import Deletions
from tests.pipeline.delivery_house import Answer, DeliveryHouse
from tests.pipeline.world import World

HARBOUR, RAIN = {"headline": "Harbour at dawn"}, {"headline": "Rain in “town”\n"}


@pytest.fixture
def house(world: World) -> DeliveryHouse:
    return DeliveryHouse(world)


def exported(house: DeliveryHouse, path: str, body: Any = None) -> dict[str, Any]:
    asked = house.call("POST", path, body)
    assert asked.status == 202, asked.body
    house.world.deliver()
    return house.call("GET", f"/exports/{asked.json['export_id']}").json


def downloaded(house: DeliveryHouse, export: dict[str, Any]) -> Answer:
    answer = house.call("GET", export["download_url"].removeprefix("/api/v2"))
    assert answer.status == 200, answer.body
    assert int(answer.headers["Content-Length"]) == len(answer.body) == export["file_size_bytes"]
    assert "Content-Encoding" not in answer.headers
    return answer


def events_of(house: DeliveryHouse, export_id: str) -> list[str]:
    rows = house.world.store.collection(Event, house.tenant)
    told = [e for e in house.world.store.stream(Event, rows) if e.payload.get("export_id") == export_id]
    return [e.event_type for e in told]


def test_a_run_is_exported_as_one_json_document(house: DeliveryHouse) -> None:
    index = house.index()
    video = house.video(index.index_id, "Morning")
    run = house.run([(video, [HARBOUR, RAIN])], whole={"summary": "sea"})
    export = exported(house, f"/exports/prompt-run/{run.run_id}")
    assert (export["status"], export["queue_status"], export["attempts"]) == ("completed", "succeeded", 1)
    document = downloaded(house, export).json
    assert (document["format"], document["format_version"]) == ("videovector.export", 1)
    assert [one["title"] for one in document["media"]] == ["Morning"]
    [told] = document["prompt_runs"]
    [result] = told["results"]
    assert (told["run_id"], told["status"]) == (run.run_id, "completed")
    assert [one["metadata"] for one in result["segments"]] == [HARBOUR, RAIN]
    assert [one["transcript"] for one in result["segments"]] == ["words 0", "words 1"]
    assert result["video_result"]["metadata"] == {"summary": "sea"}
    assert document["totals"] == {"media": 1, "prompt_runs": 1, "results": 1, "segments": 2}
    assert events_of(house, export["export_id"]) == ["export.ready"]


def test_of_a_file_that_the_bucket_has_removed_the_download_says_so(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    export = exported(house, f"/exports/prompt-run/{run.run_id}")
    house.world.objects.delete_below("derived", f"exports/{house.tenant}/")
    gone = house.call("GET", f"/exports/{export['export_id']}/download")
    assert (gone.status, gone.error) == (404, "export_not_found") and "export again" in gone.json["error"]["message"]
    assert house.call("GET", f"/exports/{export['export_id']}").json["status"] == "completed"


def test_an_index_is_exported_with_its_own_media_and_the_runs_over_them(house: DeliveryHouse) -> None:
    here, there = house.index(), house.index("Other")
    mine, lonely, other = house.video(here.index_id), house.video(here.index_id, "Lonely"), house.video(there.index_id)
    first = house.run([(mine, [HARBOUR]), (other, [RAIN])])
    second = house.run([(mine, [RAIN, RAIN])])
    house.run([(other, [HARBOUR])])
    document = downloaded(house, exported(house, f"/exports/index/{here.index_id}")).json
    assert document["index"]["index_id"] == here.index_id
    assert {one["video_id"] for one in document["media"]} == {mine.video_id, lonely.video_id}
    assert [one["run_id"] for one in document["prompt_runs"]] == [first.run_id, second.run_id]
    assert {r["video_id"] for one in document["prompt_runs"] for r in one["results"]} == {mine.video_id}
    only = exported(house, f"/exports/index/{here.index_id}", {"prompt_run_ids": [second.run_id]})
    assert [one["run_id"] for one in downloaded(house, only).json["prompt_runs"]] == [second.run_id]
    assert only["export_params"] == {"prompt_run_ids": [second.run_id]}


def test_an_index_without_runs_is_a_document_all_the_same(house: DeliveryHouse) -> None:
    document = downloaded(house, exported(house, f"/exports/index/{house.index().index_id}")).json
    assert (document["media"], document["prompt_runs"], document["totals"]["segments"]) == ([], [], 0)


def test_lines_and_columns_tell_the_same_as_the_document(house: DeliveryHouse, tmp_path: Any) -> None:
    video = house.video()
    run = house.run([(video, [HARBOUR, RAIN]), (house.video(), [])], whole={"summary": "sea"})
    path = f"/exports/prompt-run/{run.run_id}"
    lines = [json.loads(line) for line in downloaded(house, exported(house, path, {"format": "jsonl"})).body.splitlines()]
    assert lines[0]["record"] == "header" and lines[-1]["record"] == "totals"
    assert [one["metadata"] for one in lines if one["record"] == "segment"] == [HARBOUR, RAIN]
    columns = downloaded(house, exported(house, path, {"format": "parquet"}))
    assert columns.headers["Content-Type"] == "application/vnd.apache.parquet"
    file = tmp_path / "x.parquet"
    file.write_bytes(columns.body)
    rows = duckdb.sql(f"SELECT row_type, metadata, transcript FROM '{file}' ORDER BY row_type, segment_number").fetchall()
    assert [(kind, json.loads(found)) for kind, found, _ in rows[:2]] == [("segment", HARBOUR), ("segment", RAIN)]
    assert {kind for kind, _, _ in rows[2:]} == {"video"} and len(rows) == 4


def test_an_empty_run_makes_an_empty_table(house: DeliveryHouse, tmp_path: Any) -> None:
    run = house.run([(house.video(), [])])
    file = tmp_path / "x.parquet"
    file.write_bytes(downloaded(house, exported(house, f"/exports/prompt-run/{run.run_id}", {"format": "parquet"})).body)
    assert duckdb.sql(f"SELECT count(*) FROM '{file}'").fetchall() == [(0,)]


def test_deleted_media_are_left_out(house: DeliveryHouse) -> None:
    kept, lost = house.video(title="Kept"), house.video(title="Lost")
    run = house.run([(kept, [HARBOUR]), (lost, [RAIN])])
    house.change(house.world.store.get(Video, house.tenant, lost.video_id), deleted_at=house.world.store.clock())
    document = downloaded(house, exported(house, f"/exports/prompt-run/{run.run_id}")).json
    assert [r["title"] for r in document["prompt_runs"][0]["results"]] == ["Kept"]
    assert b"Rain" not in json.dumps(document).encode()


def test_while_it_waits_everything_is_told_and_nothing_can_be_fetched(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    asked = house.call("POST", f"/exports/prompt-run/{run.run_id}").json
    assert (asked["status"], asked["queue_status"], asked["attempts"], asked["max_attempts"]) == ("pending", "queued", 0, 5)
    assert asked["download_url"] is None and asked["gcs_uri"] is None and asked["export_params"] is None
    early = house.call("GET", f"/exports/{asked['export_id']}/download")
    assert (early.status, early.error) == (409, "conflict")
    assert house.call("POST", f"/exports/{asked['export_id']}/download-url").json["download_url"] is None
    [listed] = house.call("GET", "/exports").json
    assert listed == house.call("GET", f"/exports/{asked['export_id']}").json


def minted(house: DeliveryHouse, export_id: str, **headers: str) -> str:
    answer = house.call("POST", f"/exports/{export_id}/download-url", headers=headers)
    assert set(answer.json) == {"export_id", "status", "destination_type", "destination_connector_id", "download_url"}
    return str(answer.json["download_url"])


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def test_a_minted_address_needs_no_credential_and_is_good_for_this_export_and_ten_minutes(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    one, other = (exported(house, f"/exports/prompt-run/{run.run_id}")["export_id"] for _ in range(2))
    url = minted(house, one, **{"X-Forwarded-Proto": "https", "Host": "127.0.0.1:8443"})
    assert url.startswith(f"https://127.0.0.1:8443/api/v2/exports/{one}/download?token=v1.")
    token = token_of(url)
    assert house.call("GET", f"/exports/{one}/download", user="", token=token).json["totals"]["segments"] == 1
    refused = [
        house.call("GET", f"/exports/{other}/download", user="", token=token),
        house.call("GET", f"/exports/{one}/download", user="", token=token[:-2] + "AA"),
        house.call("GET", f"/exports/{one}/download", user="", token="v1.é.é"),
        house.call("GET", f"/exports/{one}/download", user="", token=token + "="),
        house.call("GET", f"/exports/{one}/download", user="", token=""),
        house.call("GET", f"/exports/{one}/download", user="eve", token="v1.e30.e30"),
    ]
    assert {(r.status, r.error) for r in refused} == {(401, "unauthenticated")}
    house.world.clock.advance(601)
    assert house.call("GET", f"/exports/{one}/download", user="", token=token).status == 401


def test_a_deployed_api_mints_on_its_own_address_whatever_the_caller_says(world: World) -> None:
    house = DeliveryHouse(world, base_url="https://api.example.com")
    run = house.run([(house.video(), [HARBOUR])])
    export_id = exported(house, f"/exports/prompt-run/{run.run_id}")["export_id"]
    assert minted(house, export_id, Host="evil.test").startswith("https://api.example.com/api/v2/exports/")


def test_a_file_too_large_for_a_response_goes_by_a_signed_address(world: World) -> None:
    house = DeliveryHouse(world, stream_limit=100)
    run = house.run([(house.video(), [HARBOUR])])
    export_id = exported(house, f"/exports/prompt-run/{run.run_id}")["export_id"]
    direct = house.call("GET", f"/exports/{export_id}/download")
    assert (direct.status, direct.error) == (413, "export_too_large")
    sent_on = house.call("GET", f"/exports/{export_id}/download", user="", token=token_of(minted(house, export_id)))
    assert sent_on.status == 302 and "X-Goog-Signature=" in sent_on.headers["Location"]


def test_a_stranger_sees_no_export(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    export_id = exported(house, f"/exports/prompt-run/{run.run_id}")["export_id"]
    for method, path in (("GET", ""), ("GET", "/download"), ("POST", "/download-url")):
        answer = house.call(method, f"/exports/{export_id}{path}", user="eve")
        assert (answer.status, answer.error) == (404, "export_not_found")
    assert house.call("GET", "/exports", user="eve").json == []


@pytest.mark.parametrize(
    ("base", "subpath", "lands"),
    [
        ("exports/review", "", "exports/review/"),
        ("exports/review", "team", "exports/review/team/"),
        ("exports/review", "exports/review", "exports/review/"),
        ("exports/review", "exports/review/team/", "exports/review/team/"),
        ("exports/review", "exports/reviewers", "exports/review/exports/reviewers/"),
        ("", "/team/a b/", "team/a b/"),
        ("", "", ""),
    ],
)
def test_an_export_lands_below_the_connectors_base_path(house: DeliveryHouse, base: str, subpath: str, lands: str) -> None:
    connector = house.connector(export_base_path=base)
    run = house.run([(house.video(), [HARBOUR])])
    body = {"destination_connector_id": connector.connector_id, "destination_subpath": subpath}
    export = exported(house, f"/exports/prompt-run/{run.run_id}", body)
    assert export["status"] == "completed", export
    name = f"{lands}prompt_run-{run.run_id}-{export['export_id']}.json"
    assert house.files("", "customer") == [name]
    assert export["destination_uri"] == export["gcs_uri"] == f"gs://customer/{name}"
    assert (export["destination_type"], export["download_url"]) == ("connector", None)
    assert house.files() == [], "nothing of it stays with us"
    assert house.call("GET", f"/exports/{export['export_id']}/download").status == 409


@pytest.mark.parametrize("subpath", ["..", "a/../../b", "a//b", "./a", "a\\..\\b", "%2e%2e/x", "a\nb", "%252e%252e/x"])
def test_a_subpath_that_could_lead_elsewhere_is_refused(house: DeliveryHouse, subpath: str) -> None:
    connector = house.connector(export_base_path="exports")
    run = house.run([(house.video(), [HARBOUR])])
    body = {"destination_connector_id": connector.connector_id, "destination_subpath": subpath}
    answer = house.call("POST", f"/exports/prompt-run/{run.run_id}", body)
    assert (answer.status, answer.error) == (422, "validation_failed")


def test_what_is_wrong_with_the_body_comes_before_what_is_missing(house: DeliveryHouse) -> None:
    assert house.call("POST", "/exports/index/idx_nothing", {"format": "xml"}).status == 422
    assert house.call("POST", "/exports/index/idx_nothing", {"destination_subpath": "a"}).status == 422
    assert house.call("POST", "/exports/index/idx_nothing").error == "index_not_found"
    index = house.index()
    assert house.call("POST", f"/exports/index/{index.index_id}", {"prompt_run_ids": ["run_x"]}).error == "run_not_found"
    elsewhere = house.run([(house.video(), [HARBOUR])])
    assert house.call("POST", f"/exports/index/{index.index_id}", {"prompt_run_ids": [elsewhere.run_id]}).status == 422
    unknown = house.call("POST", f"/exports/index/{index.index_id}", {"destination_connector_id": "conn_x"})
    assert unknown.error == "connector_not_found"
    inbound = house.connector(scopes=["import"])
    refused = house.call("POST", f"/exports/index/{index.index_id}", {"destination_connector_id": inbound.connector_id})
    assert refused.status == 422 and "export" in refused.json["error"]["message"]


def test_a_connector_deleted_meanwhile_ends_the_export_and_says_so(house: DeliveryHouse) -> None:
    connector = house.connector()
    run = house.run([(house.video(), [HARBOUR])])
    body = {"destination_connector_id": connector.connector_id}
    asked = house.call("POST", f"/exports/prompt-run/{run.run_id}", body).json
    house.change(connector, deleted_at=house.world.store.clock())
    house.world.deliver()
    export = house.call("GET", f"/exports/{asked['export_id']}").json
    assert (export["status"], export["queue_status"]) == ("failed", "failed")
    assert "connector was deleted" in export["error_message"] == export["last_error"]
    assert events_of(house, asked["export_id"]) == ["export.failed"]
    assert house.files() == []


def test_a_second_message_for_a_finished_export_changes_nothing(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    export = exported(house, f"/exports/prompt-run/{run.run_id}")
    before, files = house.stored(export["export_id"]), house.files()
    for _ in range(3):
        house.world.queues.send(BuildExport(tenant=house.tenant, export_id=export["export_id"]))
    house.world.deliver()
    assert house.stored(export["export_id"]) == before and house.files() == files
    assert events_of(house, export["export_id"]) == ["export.ready"]


def test_a_lost_message_is_sent_again_by_the_sweep(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    asked = house.call("POST", f"/exports/prompt-run/{run.run_id}").json
    assert house.world.lose("build-export") == 1
    house.world.clock.advance(120)
    house.world.tick()
    house.world.deliver()
    assert house.stored(asked["export_id"]).status == "completed"


def delete_index(house: DeliveryHouse, index: Any) -> Deletion:
    return Deletions(house.world.store, house.world.queues).start(
        house.world.store.get(type(index), house.tenant, index.index_id)
    )


def test_with_an_index_its_exports_are_gone_at_once_and_their_files_soon(house: DeliveryHouse) -> None:
    index = house.index()
    run = house.run([(house.video(index.index_id), [HARBOUR])])
    made = [exported(house, f"/exports/{path}") for path in (f"index/{index.index_id}", f"prompt-run/{run.run_id}")]
    token = token_of(minted(house, made[0]["export_id"]))
    delete_index(house, index)
    assert house.call("GET", "/exports").json == []
    for export in made:
        assert house.call("GET", f"/exports/{export['export_id']}").error == "export_not_found"
        assert house.call("GET", f"/exports/{export['export_id']}/download").error == "export_not_found"
    assert house.call("GET", f"/exports/{made[0]['export_id']}/download", user="", token=token).status == 404
    house.world.deliver()
    assert house.files() == []
    assert list(house.world.store.stream(Export, house.world.store.collection(Export, house.tenant))) == []


def test_an_index_deleted_while_its_export_is_written_leaves_no_file(house: DeliveryHouse) -> None:
    index = house.index()
    house.run([(house.video(index.index_id), [HARBOUR])])
    asked = house.call("POST", f"/exports/index/{index.index_id}").json
    stream = house.world.objects.stream_derived

    def deleted_on_the_way(*given: Any) -> Any:
        house.world.objects.stream_derived = stream  # type: ignore[method-assign]
        delete_index(house, index)
        return stream(*given)

    house.world.objects.stream_derived = deleted_on_the_way  # type: ignore[method-assign]
    house.world.deliver()
    assert house.files() == []
    assert house.world.store.get(Export, house.tenant, asked["export_id"]) is None


def test_a_repeated_request_makes_one_export(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    keyed = {"Idempotency-Key": "once"}
    first, second = (house.call("POST", f"/exports/prompt-run/{run.run_id}", headers=keyed).json for _ in range(2))
    assert first == second and len(house.call("GET", "/exports").json) == 1


def test_a_store_that_is_down_is_tried_five_times_and_then_given_up_in_words(house: DeliveryHouse) -> None:
    run = house.run([(house.video(), [HARBOUR])])
    asked = house.call("POST", f"/exports/prompt-run/{run.run_id}").json

    def down(*given: Any) -> Any:
        raise ConnectionError("the store is down")

    house.world.objects.stream_derived = down  # type: ignore[method-assign]
    house.world.deliver_due()
    between = house.call("GET", f"/exports/{asked['export_id']}").json
    assert (between["queue_status"], between["attempts"], between["last_error"]) == ("queued", 1, "the store is down")
    house.world.deliver()
    export = house.call("GET", f"/exports/{asked['export_id']}").json
    assert (export["status"], export["queue_status"], export["attempts"]) == ("failed", "dead_letter", 5)
    assert "the store is down" in export["error_message"]
    assert io.BytesIO(json.dumps(export).encode()).read()
