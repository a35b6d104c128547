"""Stores that are really there: connected, looked into, imported from, exported to, watched; and receivers that are told.

Their name puts them last: the views before them want to see what nothing is connected to.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.api.receiver import Receiver, Said
from tests.browser.conftest import Library, Reader
from tests.e2e.stack import Stack, eventually
from tests.pipeline.import_house import a_key_file, a_sound
from tests.pipeline.stores import moto

Sit = Callable[..., Reader]
SLOW = 60_000  # milliseconds; an import or export, on a loaded machine
REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "a-secret"}
FILES = {f"incoming/bell-{n}.wav": a_sound(0.3 + n / 10) for n in range(2)} | {"incoming/notes.txt": b"no media"}


@dataclass(frozen=True)
class Store:
    """A bucket of a customer's; `fields` are what the console asks for, `names` what is in it now."""

    label: str
    bucket: str
    fields: dict[str, str]
    names: Callable[[], list[str]]


@pytest.fixture
def amazon(s3_port: int, stack: Stack, tmp_path: Path) -> Iterator[Store]:
    with moto(tmp_path, s3_port) as url:
        client = boto3.client("s3", endpoint_url=url, region_name=REGION, **KEYS)
        client.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, content in FILES.items():
            client.put_object(Bucket="archive", Key=name, Body=content)
        fields = {"Bucket": "archive", "Region": REGION, "Access key id": "AKIDEXAMPLE", "Secret access key": "a-secret"}
        yield Store(
            "Amazon S3", "archive", fields, lambda: [one["Key"] for one in client.list_objects_v2(Bucket="archive")["Contents"]]
        )


@pytest.fixture
def google(processes: dict[str, str]) -> Store:
    options = {"api_endpoint": processes["STORAGE_EMULATOR_HOST"]}
    client = storage.Client("customer-project", AnonymousCredentials(), client_options=options)
    name = f"customer-{uuid4().hex[:12]}"
    bucket = client.create_bucket(name)
    for path, content in FILES.items():
        bucket.blob(path).upload_from_string(content)
    fields = {"Bucket": name, "Project": "customer-project"}
    return Store("Google Cloud Storage", name, fields, lambda: [one.name for one in client.list_blobs(name)])


@pytest.fixture(autouse=True)
def tidy(stack: Stack) -> Iterator[None]:
    """Takes away what others do not expect to find, also after a failure; a connector goes after what uses it."""
    yield
    with stack.client() as api:
        for one in api.get("indexes").json():
            if one["name"].startswith("From "):
                api.delete(f"indexes/{one['index_id']}")
        for one in api.get("webhooks").json():
            api.delete(f"webhooks/{one['webhook_id']}")
        for one in api.get("connectors").json():
            path = f"connectors/{one['connector_id']}"
            eventually(lambda path=path: api.delete(path).is_success, 60, "the connector can go")


@pytest.mark.parametrize(("kind", "size"), [("amazon", "desktop"), ("google", "phone")])
def test_a_bucket_is_connected_imported_from_exported_to_and_watched(
    reader: Sit, stack: Stack, library: Library, kind: str, size: str, request: pytest.FixtureRequest
) -> None:
    store: Store = request.getfixturevalue(kind)
    with stack.client() as api:
        index_id = api.post("indexes", json={"name": f"From {kind}"}).json()["index_id"]
    tab = reader(size)
    tab.expected = (404,)  # an index that has no automation yet
    _connect(tab, store)
    _bring_in(tab, store, f"From {kind}")
    listed = tab.see(f"/library/{index_id}").locator(".card")
    listed.nth(1).wait_for()
    assert sorted(listed.locator(".name").all_inner_texts()) == ["bell-0.wav", "bell-1.wav"]
    _send_out(tab, store, f"From {kind}")
    _watch(tab, index_id, store)


def _connect(tab: Reader, store: Store) -> None:
    page = tab.see("/integrations")
    page.get_by_role("button", name="Connect a bucket").first.click()
    form = page.get_by_role("dialog", name="Connect a bucket")
    form.get_by_role("button", name=store.label).click()
    form.get_by_label("Name").fill(f"Our {store.bucket}")
    for label, value in store.fields.items():
        form.get_by_label(label, exact=True).fill(value)
    if "Project" in store.fields:
        key = {"name": "key.json", "mimeType": "application/json", "buffer": json.dumps(a_key_file()).encode()}
        form.get_by_label("Key file").set_input_files(key)
    form.get_by_label("Export to it").check()
    form.get_by_role("button", name="Connect", exact=True).click()
    form.wait_for(state="detached")
    row = page.locator(".list > li").filter(has_text=f"Our {store.bucket}")
    row.get_by_role("button", name="Test").click()
    row.get_by_text("tested just now").wait_for()
    row.locator(".pill.good", has_text="active").wait_for()


def _bring_in(tab: Reader, store: Store, index: str) -> None:
    page = tab.page
    page.get_by_role("button", name="Browse").click()
    inside = page.get_by_role("dialog", name=f"Our {store.bucket}")
    inside.get_by_text("3 files").wait_for()
    inside.get_by_label("Folder").fill("incoming/")
    inside.get_by_label("Pattern").fill("*.wav")
    inside.get_by_role("button", name="Look").click()
    inside.get_by_text("2 files").wait_for()
    inside.get_by_label("Into index").select_option(label=f"into {index}")
    inside.get_by_role("button", name="Import these").click()
    row = page.locator(".list > li").filter(has_text="incoming/ *.wav").first
    row.locator(".pill", has_text=re.compile("^completed$")).wait_for(timeout=SLOW)
    assert "2 imported" in row.inner_text()


def _send_out(tab: Reader, store: Store, index: str) -> None:
    page = tab.see("/integrations/exports")
    made = page.locator(".list > li")
    for to, format in (("A file to download", "json"), (f"Our {store.bucket}", "jsonl")):
        before = made.count()
        page.get_by_role("button", name="New export").first.click()
        form = page.get_by_role("dialog", name="New export")
        form.get_by_label("Index").select_option(label=index)
        form.get_by_label("Format").select_option(format)
        form.get_by_role("combobox", name="To", exact=True).select_option(label=to)
        if "Our" in to:
            form.get_by_label("Folder there").fill("from-the-console")
        form.get_by_role("button", name="Export", exact=True).click()
        form.wait_for(state="detached")
        made.nth(before).wait_for()
        made.first.locator(".pill", has_text=re.compile("^completed$")).wait_for(timeout=SLOW)
    assert [name for name in store.names() if name.startswith("from-the-console/") and name.endswith(".jsonl")]
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    text = Path(coming.value.path()).read_text()
    assert json.loads(text) and "bell-0.wav" in text and "bell-1.wav" in text


def _watch(tab: Reader, index_id: str, store: Store) -> None:
    page = tab.see("/integrations/automations")
    page.get_by_label("Index", exact=True).select_option(index_id)
    coming_in = page.get_by_role("region", name="Bring in what is new")
    coming_in.get_by_label("Folder").fill("incoming/")
    coming_in.get_by_label("Look every").select_option("1h")
    coming_in.get_by_label("Then run").select_option(label="Scenes")
    coming_in.get_by_role("button", name="Switch on").click()
    coming_in.locator(".pill", has_text="active").wait_for()
    coming_in.get_by_role("button", name="Pause").click()
    coming_in.locator(".pill", has_text="paused").wait_for()
    coming_in.get_by_role("button", name="Resume").click()
    coming_in.locator(".pill", has_text="active").wait_for()
    going_out = page.get_by_role("region", name="Send out what is found")
    going_out.get_by_role("button", name="Switch on").click()
    going_out.locator(".pill", has_text="active").wait_for()


def test_a_bucket_that_is_not_there_says_what_would_mend_it(reader: Sit, stack: Stack) -> None:
    with stack.client() as api:
        sent = {"name": "Gone", "bucket": "not-there-at-all", "gcp_project_id": "customer-project"}
        key = {"credentials_file": ("key.json", json.dumps(a_key_file()).encode(), "application/json")}
        assert api.post("connectors/gcs", data=sent, files=key).status_code == 201
    tab = reader()
    tab.expected = (409,)
    page = tab.see("/integrations")
    page.get_by_role("button", name="Test").click()
    page.locator(".pill.bad").wait_for()
    assert "bucket" in page.locator(".list").inner_text().lower()
    page.get_by_role("button", name="Browse").click()
    assert "bucket" in page.get_by_role("dialog").get_by_role("alert").inner_text().lower()


@pytest.fixture
def receiving() -> Iterator[tuple[threading.Event, Receiver]]:
    """A receiver that refuses while the event is set."""
    refuses = threading.Event()
    receiver = Receiver(lambda _: Said(400, body=b"not like this") if refuses.is_set() else Said())
    yield refuses, receiver
    receiver.stop()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_receiver_is_told_its_deliveries_are_seen_and_one_is_sent_again(
    reader: Sit, stack: Stack, library: Library, receiving: tuple[threading.Event, Receiver], size: str
) -> None:
    refuses, receiver = receiving
    tab = reader(size)
    page = tab.see("/integrations/webhooks")
    page.get_by_role("button", name="New webhook").first.click()
    form = page.get_by_role("dialog", name="New webhook")
    form.get_by_label("Name").fill("Ours")
    form.get_by_label("Address").fill(f"{receiver.url}/hook")
    form.get_by_label("export.ready").check()
    form.get_by_role("button", name="Create").click()
    secret = page.get_by_role("dialog", name="Its signing secret")
    assert secret.locator("pre").inner_text().startswith("whsec_")
    secret.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Test", exact=True).click()
    page.get_by_text("It answered 200.").wait_for()

    refuses.set()
    with stack.client() as api:
        assert api.post(f"exports/index/{library.index_id}", json={"format": "json"}).is_success
    eventually(lambda: len(receiver.received) == 2, 60, "the receiver is told of the export")
    refuses.clear()
    page.get_by_role("link", name="Ours").click()
    row = page.locator(".list > li").filter(has_text="export.ready")
    eventually(lambda: _again(tab, row.locator(".pill", has_text="failed").count()), 20, "the delivery is seen")
    row.get_by_role("button", name="Look").click()
    sent, answered = page.get_by_role("dialog").locator("pre").all_inner_texts()[:2]
    assert json.loads(sent) == json.loads(receiver.received[1].body) and answered == "not like this"
    page.get_by_role("button", name="Close").click()
    row.get_by_role("button", name="Send again").click()
    eventually(lambda: len(receiver.received) == 3, 60, "it is sent again")
    assert receiver.received[2].body == receiver.received[1].body
    eventually(lambda: _again(tab, row.locator(".pill.good").count()), 20, "it is delivered")
    assert row.get_by_role("button", name="Send again").count() == 0


def _again(tab: Reader, there: int) -> bool:
    """Looks again, as a reader would, unless it is there."""
    if not there:
        tab.page.get_by_role("button", name="Look again").click()
    return bool(there)
