"""Connectors through the API: what they take, what they never give back, and that no name of theirs leads anywhere else."""

import itertools
import json
import socket
from typing import Any

import pytest
import requests

from shared.connectors import gcs
from tests.api.world import Answer, World, build
from tests.pipeline.import_house import CANARY, PEM, a_key_file
from tests.security.hostile_urls import INNER_V4, INNER_V6

S3 = {"name": "s", "bucket": "media-archive", "region": "us-east-1", "aws_access_key_id": "AKIA", "aws_secret_access_key": CANARY}
AZURE = {
    "name": "a",
    "storage_account": "mystorageaccount",
    "container": "videos",
    "tenant_id": "7d7a3f1e-0000-4000-8000-000000000000",
    "client_id": "7d7a3f1e-0000-4000-8000-000000000001",
    "client_secret": CANARY,
}
GCS = {"name": "g", "bucket": "media-archive", "gcp_project_id": "my-project"}
HOSTILE = [
    "169.254.169.254", "127.0.0.1", "localhost", "[::1]", "evil.test/", "evil.test#", "evil.test?", "a@evil.test", "x\\evil.test",
    "http://169.254.169.254/", "//evil.test", "..", "../x", "x/../y", "x%2f..%2fy", "x\r\nHost: evil.test", "x\x00y", "x y",
    "0x7f000001", "2130706433", "metadata.google.internal", "evil.test:80", "{account}", "$(id)", "ü.test", "::ffff:127.0.0.1",
]  # fmt: skip
FIELDS = [("s3", S3, name) for name in ("bucket", "region")]
FIELDS += [("azure", AZURE, name) for name in ("storage_account", "container")]
FIELDS += [("gcs", GCS, name) for name in ("bucket", "gcp_project_id")]
ROUNDS = {"s3": 5, "gcs": 10, "azure": 80}  # of a test and a browse; every such address stands in the tests of the egress guard
# Names that are well formed for their field lead below the store's own host only, or nowhere.
FINE = {("gcs", "gcp_project_id", "localhost"), ("s3", "bucket", "localhost"), ("gcs", "bucket", "localhost")}
FINE |= {("azure", name, "localhost") for name in ("storage_account", "container")}
FINE |= {("azure", "container", "2130706433"), ("azure", "storage_account", "2130706433")}
FINE |= {("azure", name, "0x7f000001") for name in ("storage_account", "container")}
FINE |= {(kind, "bucket", one) for kind in ("s3", "gcs") for one in ("0x7f000001", "metadata.google.internal")}
FINE |= {("gcs", "gcp_project_id", one) for one in ("metadata.google.internal", "evil.test:80")}  # no part of any address


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("connectors"))


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection and every look-up that is tried; none succeeds."""
    seen: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        seen.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return seen


def make(world: World, kind: str, body: dict[str, Any], key: Any = None, **headers: str) -> Answer:
    owner = {**world.as_owner(), **headers}
    if kind != "gcs":
        return world.call("POST", f"/connectors/{kind}", body, owner)
    file = key if isinstance(key, bytes) else json.dumps(key or a_key_file()).encode()
    form = requests.Request("POST", "http://x/", data=body, files={"credentials_file": ("key.json", file)}).prepare()
    return world.call("POST", "/connectors/gcs", raw=form.body, headers={**owner, "Content-Type": form.headers["Content-Type"]})


@pytest.mark.parametrize(("kind", "body"), [("s3", S3), ("azure", AZURE), ("gcs", GCS)])
def test_a_connector_is_kept_and_its_secret_never_shown(
    world: World, kind: str, body: dict[str, Any], dialled: list[Any]
) -> None:
    made = make(world, kind, body)
    assert made.status == 201, made.body
    one = f"/connectors/{made.json['connector_id']}"
    assert made.json["provider"] == kind and made.json["scopes"] == ["import"] and made.json["status"] == "active"
    shown = [made, world.call("GET", one, None, world.as_owner()), world.call("GET", "/connectors", None, world.as_owner())]
    shown.append(world.call("PATCH", one, {"name": "Renamed", "scopes": ["import", "export"]}, world.as_owner()))
    assert all(answer.status < 300 for answer in shown)
    assert not any(CANARY.encode() in answer.body or PEM[30:60].encode() in answer.body for answer in shown)
    assert shown[-1].json["name"] == "Renamed"
    assert world.call("DELETE", one, None, world.as_owner()).status == 200
    assert world.call("GET", one, None, world.as_owner()).error == "connector_not_found"
    assert not dialled


VECTORS = [
    (kind, body, name, one) for (kind, body, name), one in itertools.product(FIELDS, HOSTILE) if (kind, name, one) not in FINE
]


def test_no_hostile_name_is_taken_and_none_is_dialled(world: World, dialled: list[Any]) -> None:
    assert len(VECTORS) >= 130
    taken = [(kind, name, one) for kind, body, name, one in VECTORS if make(world, kind, {**body, name: one}).status != 422]
    assert not taken
    assert not dialled


@pytest.mark.parametrize(("kind", "body"), [("s3", S3), ("azure", AZURE), ("gcs", GCS)])
def test_no_change_leads_a_connector_elsewhere(world: World, kind: str, body: dict[str, Any], dialled: list[Any]) -> None:
    one = f"/connectors/{make(world, kind, body).json['connector_id']}"
    before = world.call("GET", one, None, world.as_owner()).json
    places = ("bucket", "region", "storage_account", "container", "gcp_project_id", "provider")
    sent = [{name: hostile} for name, hostile in itertools.product(places, HOSTILE)]
    sent += [{"credentials": {"tenant_id": hostile}} for hostile in HOSTILE if set(hostile) & set("/@%\\#? \r\x00{$:")]
    sent += [{"credentials": a_key_file(universe_domain=hostile)} for hostile in HOSTILE]
    assert len(sent) >= 150
    assert [each for each in sent if world.call("PATCH", one, each, world.as_owner()).status != 422] == []
    for loose in ({"endpoint_url": "http://169.254.169.254/"}, {"place": {"bucket": "x"}}, {"token_uri": "http://127.0.0.1/"}):
        world.call("PATCH", one, loose, world.as_owner())
    assert {**world.call("GET", one, None, world.as_owner()).json, "updated_at": ""} == {**before, "updated_at": ""}
    assert not dialled


ANSWERS_OF_NAMES = [address for address in (*INNER_V4, *INNER_V6) if not address.startswith("::ffff:8.")]


@pytest.mark.parametrize(("kind", "body"), [("s3", S3), ("gcs", GCS), ("azure", AZURE)])
def test_a_store_whose_name_leads_inside_is_never_connected_to(
    world: World, kind: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are the stores' own; what the name service says of them is not."""
    connected: list[Any] = []
    answers = iter(itertools.cycle(ANSWERS_OF_NAMES))
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = next(answers)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", lambda *to, **_: connected.append(to))
    monkeypatch.setattr(gcs, "_RETRY", gcs._RETRY.with_timeout(0.01))
    one = f"/connectors/{make(world, kind, {**body, 'scopes': ['import', 'export']}).json['connector_id']}"
    for _ in range(ROUNDS[kind]):
        tried = world.call("POST", f"{one}/test", None, world.as_owner())
        assert tried.json["success"] is False and "not public" in tried.json["error_message"], tried.body
        browsed = world.call("POST", f"{one}/browse", {"prefix": "../", "pattern": "**"}, world.as_owner())
        assert (browsed.status, browsed.error) == (409, "connector_refused"), browsed.body
    assert len(asked) >= 2 * ROUNDS[kind]
    assert all(host.endswith((".amazonaws.com", ".microsoftonline.com", ".googleapis.com")) for host in asked)
    assert not connected


KEYS: list[Any] = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b'"x"', b"x" * 66_000,
    {"type": "external_account", "credential_source": {"executable": {"command": "id"}}},
    {"type": "external_account", "token_url": "http://169.254.169.254/", "audience": "x"},
    {"type": "authorized_user", "refresh_token": "x"}, {"type": "impersonated_service_account"}, {"type": "gdch_service_account"},
    a_key_file(universe_domain="evil.test"), a_key_file(universe_domain=7), a_key_file(client_email="a@evil.test"),
    a_key_file(client_email=None), a_key_file(private_key="x"), a_key_file(private_key="x" * 5_000),
    a_key_file(private_key_id=""),
    a_key_file(private_key_id="a\nb"), a_key_file(type=None),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_a_hostile_key_file_is_refused_in_words_and_not_repeated(world: World, number: int, dialled: list[Any]) -> None:
    answer = make(world, "gcs", GCS, KEYS[number])
    assert answer.status == 422, answer.body
    assert CANARY.encode() not in answer.body
    # The store's own name may still be looked up for a test before this one; a hostile file would lead elsewhere.
    assert [place for place in dialled if place[0] != "storage.googleapis.com"] == []


def test_where_a_key_file_wants_its_token_fetched_counts_for_nothing(
    world: World, dialled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcs, "_RETRY", gcs._RETRY.with_timeout(0.01))
    made = make(world, "gcs", GCS, a_key_file(token_uri="http://169.254.169.254/token"))
    assert made.status == 201
    tried = world.call("POST", f"/connectors/{made.json['connector_id']}/test", None, world.as_owner())
    assert tried.json["success"] is False
    assert all("169.254" not in str(one) for one in dialled)
    assert {one[0] for one in dialled} == {"storage.googleapis.com"}


def test_the_services_own_buckets_are_no_connectors(world: World) -> None:
    assert make(world, "gcs", {**GCS, "bucket": "originals"}).status == 422
    assert make(world, "gcs", {**GCS, "bucket": "derived"}).status == 422


def test_what_a_connector_leads_to_cannot_be_changed(world: World) -> None:
    one = f"/connectors/{make(world, 's3', S3).json['connector_id']}"
    for body in ({"bucket": "other"}, {"region": "eu-west-1"}, {"client_secret": "x"}, {"credentials": "x"}, {"scopes": []}):
        assert world.call("PATCH", one, body, world.as_owner()).status == 422, body
    assert world.call("PATCH", one, {"credentials": {"aws_secret_access_key": "new"}}, world.as_owner()).status == 200


@pytest.mark.parametrize("path", ["../x", "a/../b", "a//b", "a\\b", "a\x00b", "."])
def test_an_export_base_path_stays_within_the_bucket(world: World, path: str) -> None:
    assert make(world, "s3", {**S3, "export_base_path": path}).status == 422


def test_an_import_needs_a_connector_and_an_index_of_ones_own(world: World) -> None:
    connector_id = make(world, "s3", S3).json["connector_id"]
    index_id = world.call("POST", "/indexes", {"name": "Films"}, world.as_owner()).json["index_id"]
    wanted = {"connector_id": connector_id, "index_id": index_id, "file_pattern": "*.mp4"}
    job = world.call("POST", "/import-jobs", wanted, world.as_owner())
    assert (job.status, job.json["status"]) == (201, "pending")
    assert world.call("POST", "/import-jobs", {**wanted, "file_pattern": "{a"}, world.as_owner()).status == 422
    assert world.call("POST", "/import-jobs", wanted, world.as_owner("eve")).error == "connector_not_found"
    assert world.call("GET", f"/import-jobs/{job.json['job_id']}", None, world.as_owner("eve")).error == "import_job_not_found"
    cancelled = world.call("POST", f"/import-jobs/{job.json['job_id']}/cancel", None, world.as_owner())
    assert cancelled.json["status"] == "cancelled"
    assert [
        one["job_id"] for one in world.call("GET", "/import-jobs", None, world.as_owner(), query={"status": "CANCELLED"}).json
    ]
