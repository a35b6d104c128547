"""Connectors to S3: boto3 through the egress guard, against a server that speaks like S3 in a process of its own."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.pipeline.import_house import a_sound
from tests.pipeline.stores import ConnectorHouse, moto
from tests.pipeline.world import World

pytestmark = pytest.mark.xdist_group("s3")
REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "a-secret"}
HARBOUR = {"headline": "Harbour at dawn"}


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture
def s3(s3_url: str, request: pytest.FixtureRequest) -> Any:
    """The customer's own client; each test has a bucket of its own, named after it."""
    client = boto3.client("s3", endpoint_url=s3_url, region_name=REGION, **KEYS)
    client.create_bucket(Bucket=bucket_of(request), CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    return bucket_of(request)


def bucket_of(request: pytest.FixtureRequest) -> str:
    return request.node.name.replace("_", "-")[:50].strip("-")


@pytest.fixture
def house(world: World, s3_url: str) -> ConnectorHouse:
    return ConnectorHouse(world, aws_endpoint_url_s3=s3_url)


def connected(house: ConnectorHouse, bucket: str, **values: Any) -> str:
    body = {"name": "Archive", "bucket": bucket, "region": REGION, **KEYS, "scopes": ["import", "export"], **values}
    made = house.call("POST", "/connectors/s3", body)
    assert made.status == 201, made.body
    return str(made.json["connector_id"])


def put(s3: Any, bucket: str, *names: str) -> None:
    for number, name in enumerate(names):
        s3.put_object(Bucket=bucket, Key=name, Body=a_sound(0.1 + number / 50))


def test_a_bucket_is_tried_and_browsed(house: ConnectorHouse, s3: Any, bucket: str) -> None:
    put(s3, bucket, "in/a.wav", "in/b.mov", "in/deep/c.wav", "in/ü .wav", "other/d.wav", "in/notes.txt")
    one = f"/connectors/{connected(house, bucket)}"
    assert house.call("POST", f"{one}/test").json == {"success": True, "error_message": None}
    assert house.call("GET", one).json["last_test_result"] == "success"

    def names(**body: Any) -> list[str]:
        return [found["path"] for found in house.call("POST", f"{one}/browse", body).json]

    assert names(prefix="in/", pattern="*.{wav,mov}") == ["in/a.wav", "in/b.mov", "in/deep/c.wav", "in/ü .wav"]
    assert names(prefix="in/", pattern="*.wav", recursive=False) == ["in/a.wav", "in/ü .wav"]
    assert names(pattern="**/c.*") == ["in/deep/c.wav"] and names(prefix="nowhere/") == []
    assert len(names(limit=2)) == 2
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []  # what was tried is taken back


def test_a_bucket_that_is_not_there_is_told_in_words(house: ConnectorHouse) -> None:
    one = f"/connectors/{connected(house, 'there-is-no-such-bucket')}"
    tried = house.call("POST", f"{one}/test").json
    assert tried == {"success": False, "error_message": "there is no such bucket in this region"}
    refused = house.call("POST", f"{one}/browse", {})
    assert (refused.status, refused.error) == (409, "connector_refused")


def test_media_come_in_and_an_unchanged_file_comes_once(house: ConnectorHouse, s3: Any, bucket: str) -> None:
    put(s3, bucket, "in/a.wav", "in/b.wav", "in/c.mov", "elsewhere/d.wav")
    s3.put_object(Bucket=bucket, Key="in/broken.wav", Body=b"no sound at all")
    connector_id, index = connected(house, bucket, import_mode="new_only"), house.index()
    job = house.imported(connector_id, index.index_id, source_prefix="in/", file_pattern="*.wav")
    progress = job["progress"]
    assert (job["status"], progress["imported"], progress["failed"]) == ("completed", 2, 1)
    assert [one["path"] for one in job["failed_files"]] == ["in/broken.wav"]
    videos = [house.call("GET", f"/videos/{video_id}").json for video_id in job["video_ids"]]
    assert {one["title"]: house.world.objects.read(one["video_uri"]) for one in videos} == {
        "a.wav": a_sound(0.1),
        "b.wav": a_sound(0.12),
    }
    s3.put_object(Bucket=bucket, Key="in/b.wav", Body=a_sound(0.5))
    again = house.imported(connector_id, index.index_id, source_prefix="in/", file_pattern="*.wav")["progress"]
    assert (again["imported"], again["skipped"], again["failed"]) == (1, 2, 0)


def test_an_export_is_written_below_the_base_path(house: ConnectorHouse, s3: Any, bucket: str) -> None:
    connector_id = connected(house, bucket, export_base_path="from/videovector")
    run = house.run([(house.video(), [HARBOUR])])
    body = {"destination_connector_id": connector_id, "destination_subpath": "daily"}
    asked = house.call("POST", f"/exports/prompt-run/{run.run_id}", body)
    assert asked.status == 202, asked.body
    house.world.deliver()
    export = house.call("GET", f"/exports/{asked.json['export_id']}").json
    assert (export["status"], export["download_url"]) == ("completed", None)
    [stored] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert stored["Key"].startswith("from/videovector/daily/")
    assert export["destination_uri"] == export["gcs_uri"] == f"s3://{bucket}/{stored['Key']}"
    document = json.loads(s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read())
    assert document["totals"]["segments"] == 1
    escape = house.call("POST", f"/exports/prompt-run/{run.run_id}", {**body, "destination_subpath": "../up"})
    assert escape.status == 422


def test_one_object_is_registered_by_its_address(house: ConnectorHouse, s3: Any, bucket: str) -> None:
    put(s3, bucket, "in/only.wav")
    s3.put_object(Bucket=bucket, Key="in/text.wav", Body=b"no sound")
    connector_id, index_id = connected(house, bucket), house.index().index_id
    body = {"title": "One", "index_id": index_id, "source_connector_id": connector_id}

    def register(uri: str, **changes: Any) -> Any:
        return house.call("POST", "/videos", {**body, "video_uri": uri, **changes})

    made = register(f"s3://{bucket}/in/only.wav")
    assert made.status == 201, made.body
    assert (made.json["source_connector_id"], made.json["media_type"]) == (connector_id, "audio")
    assert house.world.objects.read(made.json["video_uri"]) == a_sound(0.1)
    assert house.call("GET", f"/import-jobs/{made.json['job_id']}").json["video_ids"] == [made.json["video_id"]]
    for uri in ("s3://another/in/only.wav", f"s3://{bucket}", f"s3://{bucket}/", f"s3://{bucket}/nothing.wav", "gs://x/y.wav"):
        refused = register(uri)
        assert (refused.status, refused.error) == (422, "validation_failed"), uri
    assert register(f"s3://{bucket}/in/text.wav").error == "unsupported_media"
    assert register(f"s3://{bucket}/in/only.wav", source_connector_id="conn_x").error == "connector_not_found"
    before = house.files("media/", "originals")
    assert len(before) == 1
    exporting = connected(house, bucket, scopes=["export"])
    assert register(f"s3://{bucket}/in/only.wav", source_connector_id=exporting).status == 422
    assert house.files("media/", "originals") == before


def test_a_large_file_goes_out_in_parts_and_comes_back_whole(house: ConnectorHouse, s3: Any, bucket: str) -> None:
    from shared.domain.connectors import Connector

    connector = house.world.store.get(Connector, house.tenant, connected(house, bucket))
    cloud = house.world.opener.open(connector)
    content = bytes(range(256)) * (20 * 1024 * 1024 // 256)
    cloud.write("big.bin", iter([content[:7_000_000], content[7_000_000:]]))
    file = cloud.stat("big.bin")
    assert file.size == len(content) and b"".join(cloud.read(file)) == content
    assert b"".join(cloud.read(file, 9_000_000, 10)) == content[9_000_000:9_000_010]

    def broken() -> Iterator[bytes]:
        yield content
        raise KeyError("the writer's own fault")

    with pytest.raises(KeyError):
        cloud.write("half.bin", broken())
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["big.bin"]
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
