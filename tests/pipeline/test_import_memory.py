"""The listing of a large bucket, in a process of its own as an instance of the function has it: its memory does not grow."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as gcs

from emulators.runner import ports, secrets
from emulators.runner.cloud import Cloud
from emulators.runner.site import LOCATION, ROOT, Ports, Site

MOST_BYTES = 200 * 1024**2  # of the whole process, Python and Google's clients included
BUCKET = "a-large-bucket"

# The instance: a user's job is taken through every step of its listing, as the queue would, and the memory is told after each.
INSTANCE = """
import json, sys
from pathlib import Path
from functions.pipeline.scan_import.main import build, stage
from shared.domain.connectors import Connector
from shared.domain.imports import ImportJob
from shared.domain.media import Index
from shared.messaging.messages import ScanImport
from shared.store.imports import Imports, Wanted

deps, secret = build(), json.loads(sys.stdin.readline())
store, now = deps.store, deps.store.clock()
times = {"created_at": now, "updated_at": now, "tenant": "tnt_a", "user_id": "ada"}
place = {"bucket": secret.pop("bucket"), "gcp_project_id": "customer"}
batch = store.batch()
batch.create(Index(**times, index_id="idx_a", name="Films"))
sealed = deps.opener.seal("conn_a", "tnt_a", secret)
batch.create(Connector(**times, connector_id="conn_a", name="Theirs", provider="gcs", place=place, sealed=sealed))
batch.commit()
Imports(store, deps.queues).start("tnt_a", "job_a", "ada", Wanted("conn_a", "idx_a"))
peaks, page_id = [], "p0"
while True:
    answer = stage.receive(ScanImport(tenant="tnt_a", job_id="job_a", page_id=page_id).model_dump_json().encode())
    assert answer.status == 200, answer
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peaks.append(int(said["VmHWM"].split()[0]) * 1024)
    job = store.get(ImportJob, "tnt_a", "job_a")
    if job.status != "scanning":
        break
    page_id = job.page_id
print(json.dumps({"peaks": peaks, "files": job.ordinals, "status": job.status}))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Site, Cloud]]:
    """Every emulator on a port, over memory of this process; nobody works on what is sent."""
    reserved = ports.reserve(len(fields(Ports)))
    site = Site(tmp_path, Ports(*map(ports.number, reserved)))
    cloud = Cloud(site)
    cloud.start()
    for name in ("scan-import", "import-file"):
        cloud.tasks.pause_queue(f"{LOCATION}/queues/{name}")
    yield site, cloud
    cloud.stop()
    for held in reserved:
        held.close()


@pytest.mark.parametrize("objects", [900, pytest.param(10_000, marks=pytest.mark.long)])
def test_listing_and_sending_for_a_large_bucket_takes_little_memory(site: tuple[Site, Cloud], objects: int) -> None:
    where, cloud = site
    _fill(where.url("storage"), objects)
    key = json.loads(where.account_file.read_text())
    secret = {name: key[name] for name in ("client_email", "private_key", "private_key_id")}
    env = {**os.environ, **where.environment(secrets.load(where.data_dir))}
    said = json.dumps({"bucket": BUCKET, **secret})
    command = [sys.executable, "-c", INSTANCE]
    ran = subprocess.run(command, input=said, env=env, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert (told["files"], told["status"]) == (objects, "importing")
    assert len(cloud.tasks.list_tasks(f"{LOCATION}/queues/import-file", size=1000)[0]) == min(objects, 1000)
    first, last = told["peaks"][0], told["peaks"][-1]
    print(f"{objects} objects: {first / 1e6:.0f} MB after the first page, {last / 1e6:.0f} MB at most")
    assert last < MOST_BYTES
    assert last - first < 30 * 1024**2, "what is listed is not held"


def _fill(url: str, objects: int) -> None:
    client = gcs.Client(project="customer", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})
    bucket = client.create_bucket(BUCKET)

    def put(number: int) -> None:
        bucket.blob(f"incoming/{number % 100:02d}/a rather long name of a film, number {number:06d}.mov").upload_from_string(b"x")

    with ThreadPoolExecutor(4) as several:
        list(several.map(put, range(objects)))
