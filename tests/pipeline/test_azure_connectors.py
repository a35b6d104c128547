"""Connectors to Azure: its client through the egress guard, as a service principal, against Microsoft's own emulator."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient, ContentSettings

from shared.connectors.port import CloudCode, CloudError
from shared.domain.connectors import Connector
from tests.pipeline import loopback_tls
from tests.pipeline.azurite import ACCOUNT, TENANT_ID, Azurite, Directory, azurite, serving
from tests.pipeline.import_house import a_sound
from tests.pipeline.stores import ConnectorHouse
from tests.pipeline.world import World
from tests.security.hostile_urls import INNER_V4, INNER_V6

pytestmark = [pytest.mark.xdist_group("azure"), pytest.mark.long]  # the emulator is installed first, which takes a while
SECRET = "s3cret~of.the-principal"
PRINCIPAL = {"tenant_id": TENANT_ID, "client_id": "7d7a3f1e-0000-4000-8000-00000000000b", "client_secret": SECRET}
# The emulator's own account key, the same everywhere, with which the customer fills the container here.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
HARBOUR = {"headline": "Harbour at dawn"}


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with azurite(tmp_path_factory.mktemp("azurite"), SECRET) as running:
        yield running


@pytest.fixture
def house(world: World, azure: Azurite) -> ConnectorHouse:
    return ConnectorHouse(world, **azure.settings)


@pytest.fixture
def container(azure: Azurite, request: pytest.FixtureRequest) -> ContainerClient:
    """The customer's own client; each test has a container of its own, named after it."""
    name = request.node.name.replace("_", "-")[:50].strip("-")
    trusted = str(azure.authority_file)
    account = {"account_name": ACCOUNT, "account_key": KEY}
    client = ContainerClient(f"{azure.endpoint}/{ACCOUNT}", name, credential=account, connection_verify=trusted)
    client.create_container()
    return client


def connected(house: ConnectorHouse, container: str, **values: Any) -> str:
    body = {"name": "Archive", "storage_account": ACCOUNT, "container": container, **PRINCIPAL, "scopes": ["import", "export"]}
    made = house.call("POST", "/connectors/azure", {**body, **values})
    assert made.status == 201, made.body
    return str(made.json["connector_id"])


INNER = [one for one in (*INNER_V4, *INNER_V6) if not one.startswith("::ffff:8.")]


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.long)])
def test_an_account_whose_name_leads_inside_is_never_connected_to(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """The directory is in order and issues its token; what the name service says of the account is not."""
    asked: list[str] = []
    inner = INNER[::every]
    told = (one for one in inner for _ in range(2))
    look_up = socket.getaddrinfo
    connect = socket.create_connection
    dialled: list[Any] = []

    def resolve(host: str, *rest: Any, **named: Any) -> list[Any]:
        if host == "127.0.0.1":
            return look_up(host, *rest, **named)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(told), 443))]

    def dial(to: Any, *rest: Any, **named: Any) -> Any:
        dialled.append(to)
        return connect(to, *rest, **named)

    certificate, key = loopback_tls.certificate(tmp_path)
    with serving(Directory(SECRET), certificate, key) as directory:
        house = ConnectorHouse(world, azure_authority_host=directory.url, connector_ca_file=str(certificate))
        one = f"/connectors/{connected(house, 'videos')}"
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        monkeypatch.setattr(socket, "create_connection", dial)
        for _ in inner:
            tried = house.call("POST", f"{one}/test").json
            assert tried["success"] is False and "not public" in tried["error_message"], tried
            assert house.call("POST", f"{one}/browse", {"prefix": "../", "pattern": "**"}).error == "connector_refused"
    assert asked == [f"{ACCOUNT}.blob.core.windows.net"] * 2 * len(inner), "refused once is refused: it is not tried again"
    assert {place[0] for place in dialled} == {"127.0.0.1"}


def put(container: ContainerClient, *names: str) -> None:
    for number, name in enumerate(names):
        kind = ContentSettings(content_type="audio/wav")
        container.upload_blob(name, a_sound(0.1 + number / 50), overwrite=True, content_settings=kind)


def names_in(container: ContainerClient) -> list[str]:
    return [one.name for one in container.list_blobs(include=["uncommittedblobs"])]


def test_a_container_is_tried_and_browsed(house: ConnectorHouse, container: ContainerClient) -> None:
    put(container, "in/a.wav", "in/b.mov", "in/deep/c.wav", "in/ü .wav", "other/d.wav", "in/notes.txt")
    one = f"/connectors/{connected(house, container.container_name)}"
    assert house.call("POST", f"{one}/test").json == {"success": True, "error_message": None}
    assert house.call("GET", one).json["last_test_result"] == "success"

    def names(**body: Any) -> list[str]:
        return [found["path"] for found in house.call("POST", f"{one}/browse", body).json]

    assert names(prefix="in/", pattern="*.{wav,mov}") == ["in/a.wav", "in/b.mov", "in/deep/c.wav", "in/ü .wav"]
    assert names(prefix="in/", pattern="*.wav", recursive=False) == ["in/a.wav", "in/ü .wav"]
    assert names(pattern="**/c.*") == ["in/deep/c.wav"] and names(prefix="nowhere/") == []
    assert len(names(limit=2)) == 2
    [found] = house.call("POST", f"{one}/browse", {"pattern": "**/c.wav"}).json
    assert (found["content_type"], found["extension"], found["size_bytes"] > 0) == ("audio/wav", ".wav", True)


def test_what_is_wrong_is_told_in_words(house: ConnectorHouse, container: ContainerClient, azure: Azurite) -> None:
    lost = house.call("POST", f"/connectors/{connected(house, 'there-is-no-such-container')}/test").json
    assert lost == {"success": False, "error_message": "there is no such container"}
    connector_id = connected(house, container.container_name, client_secret="another")
    tried = house.call("POST", f"/connectors/{connector_id}/test").json
    assert tried["success"] is False and "check tenant_id, client_id and client_secret" in tried["error_message"]
    assert "another" in azure.directory.asked and "another" not in tried["error_message"]
    refused = house.call("POST", f"/connectors/{connector_id}/browse", {})
    assert (refused.status, refused.error) == (409, "connector_refused")
    mended = house.call("PATCH", f"/connectors/{connector_id}", {"credentials": {"client_secret": SECRET}})
    assert mended.status == 200 and SECRET.encode() not in mended.body
    assert house.call("POST", f"/connectors/{connector_id}/test").json["success"] is True


def test_media_come_in_and_an_unchanged_file_comes_once(house: ConnectorHouse, container: ContainerClient) -> None:
    put(container, "in/a.wav", "in/b.wav", "in/c.mov", "elsewhere/d.wav")
    container.upload_blob("in/broken.wav", b"no sound at all")
    connector_id, index = connected(house, container.container_name, import_mode="new_only"), house.index()
    job = house.imported(connector_id, index.index_id, source_prefix="in/", file_pattern="*.wav")
    progress = job["progress"]
    assert (job["status"], progress["imported"], progress["failed"]) == ("completed", 2, 1)
    assert [one["path"] for one in job["failed_files"]] == ["in/broken.wav"]
    videos = [house.call("GET", f"/videos/{video_id}").json for video_id in job["video_ids"]]
    assert {one["title"]: house.world.objects.read(one["video_uri"]) for one in videos} == {
        "a.wav": a_sound(0.1),
        "b.wav": a_sound(0.12),
    }
    container.upload_blob("in/b.wav", a_sound(0.5), overwrite=True)
    again = house.imported(connector_id, index.index_id, source_prefix="in/", file_pattern="*.wav")["progress"]
    assert (again["imported"], again["skipped"], again["failed"]) == (1, 2, 0)


def test_an_export_is_written_below_the_base_path(house: ConnectorHouse, container: ContainerClient) -> None:
    connector_id = connected(house, container.container_name, export_base_path="from/videovector")
    run = house.run([(house.video(), [HARBOUR])])
    body = {"destination_connector_id": connector_id, "destination_subpath": "daily"}
    asked = house.call("POST", f"/exports/prompt-run/{run.run_id}", body)
    assert asked.status == 202, asked.body
    house.world.deliver()
    export = house.call("GET", f"/exports/{asked.json['export_id']}").json
    assert (export["status"], export["download_url"]) == ("completed", None)
    [name] = names_in(container)
    assert name.startswith("from/videovector/daily/")
    assert export["destination_uri"] == export["gcs_uri"] == f"{container.url}/{name}"
    assert json.loads(container.download_blob(name).readall())["totals"]["segments"] == 1


def test_one_blob_is_registered_by_its_address(house: ConnectorHouse, container: ContainerClient) -> None:
    put(container, "in/only one.wav")
    container.upload_blob("in/text.wav", b"no sound")
    connector_id, index_id = connected(house, container.container_name), house.index().index_id
    body = {"title": "One", "index_id": index_id, "source_connector_id": connector_id}

    def register(uri: str) -> Any:
        return house.call("POST", "/videos", {**body, "video_uri": uri})

    made = register(f"{container.url}/in/only%20one.wav")
    assert made.status == 201, made.body
    assert (made.json["source_connector_id"], made.json["media_type"]) == (connector_id, "audio")
    assert house.world.objects.read(made.json["video_uri"]) == a_sound(0.1)
    other = container.url.replace(ACCOUNT, "another")
    for uri in (f"{other}/in/only%20one.wav", container.url, f"{container.url}/", f"{container.url}/nothing.wav"):
        refused = register(uri)
        assert (refused.status, refused.error) == (422, "validation_failed"), uri
    assert register(f"{container.url}/in/text.wav").error == "unsupported_media"
    assert len(house.files("media/", "originals")) == 1


def test_a_large_file_goes_out_in_blocks_and_comes_back_whole(house: ConnectorHouse, container: ContainerClient) -> None:
    connector = house.world.store.get(Connector, house.tenant, connected(house, container.container_name))
    cloud = house.world.opener.open(connector)
    content = bytes(range(256)) * (20 * 1024 * 1024 // 256)
    cloud.write("big.bin", iter([content[:7_000_000], content[7_000_000:]]))
    file = cloud.stat("big.bin")
    assert file.size == len(content) and b"".join(cloud.read(file)) == content
    assert b"".join(cloud.read(file, 9_000_000, 10)) == content[9_000_000:9_000_010]
    container.upload_blob("big.bin", b"other", overwrite=True)
    with pytest.raises(CloudError) as caught:
        b"".join(cloud.read(file))
    assert caught.value.code == CloudCode.FILE_CHANGED

    def broken() -> Iterator[bytes]:
        yield content
        raise KeyError("the writer's own fault")

    with pytest.raises(KeyError):
        cloud.write("half.bin", broken())
    assert [one.name for one in container.list_blobs()] == ["big.bin"]
