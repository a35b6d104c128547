"""What an index does by itself on the running product, whose worker is killed: every step once, and none while paused."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud import storage as gcs
from google.cloud.tasks_v2 import CloudTasksClient

from demo.tour import PROMPT
from shared.config import Settings
from shared.domain.automations import automation_id
from shared.domain.ids import derived_id
from shared.messaging.messages import RunAutomation
from shared.messaging.queues import Queues
from tests.api.receiver import Receiver
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_killed_workers import LEASE_SECONDS, kill_worker
from tests.e2e.test_media_runs import made
from tests.pipeline.films import picture
from tests.pipeline.import_house import a_key_file

BUCKET = "customer-media"
TOLD = ["import_job.completed", "media.created", "prompt_run.completed", "export.ready"]
WHOLE_WAY_SECONDS = 150.0


class Customer:
    """Who owns a bucket, an index with both automations, and a receiver of webhooks."""

    def __init__(self, stack: Stack, client: httpx.Client, receiver: Receiver) -> None:
        self._client, self._receiver = client, receiver
        told = _environment(stack)
        os.environ["FIRESTORE_EMULATOR_HOST"] = told["FIRESTORE_EMULATOR_HOST"]  # read by the client itself
        self._db = firestore.Client(project=told["PROJECT_ID"])
        store = {"api_endpoint": told["STORAGE_EMULATOR_HOST"]}
        theirs = gcs.Client(project="customer", credentials=AnonymousCredentials(), client_options=store)
        self.bucket = theirs.create_bucket(BUCKET)
        key = {"credentials_file": ("key.json", json.dumps(a_key_file()))}
        form = {"name": "Theirs", "bucket": BUCKET, "gcp_project_id": "customer", "scopes": ["import", "export"]}
        self._connector = made(client.post("/connectors/gcs", data=form, files=key))["connector_id"]
        self.index = made(client.post("/indexes", json={"name": "Watched"}))["index_id"]
        made(client.post("/webhooks", json={"name": "ops", "url": receiver.url, "events": TOLD}))
        prompt = made(client.post("/prompts", json=PROMPT))["prompt_id"]
        preset = {"prompt_id": prompt, "enable_transcription": False}
        self._path = f"/indexes/{self.index}/automations"
        self._wanted = {
            "connector_id": self._connector,
            "source_prefix": "in/",
            "debounce_interval": "5m",
            "prompt_preset": preset,
        }
        made(client.put(f"{self._path}/import", json=self._wanted))
        export = {"destination_connector_id": self._connector, "destination_subpath": "out"}
        made(client.put(f"{self._path}/export", json=export))
        user = jwt.decode(stack.said["bearer_token"], options={"verify_signature": False})["sub"]
        self._tenant = derived_id("tenant", told["JWT_ISSUER"], user)
        self._automation = self._db.document(f"tenants/{self._tenant}/automations/{automation_id(self.index, 'import')}")
        settings = Settings(project_id=told["PROJECT_ID"], stage_service_account=told["STAGE_SERVICE_ACCOUNT"])
        tasks = {"api_endpoint": told["TASKS_ENDPOINT"]}
        sender = CloudTasksClient(credentials=AnonymousCredentials(), transport="rest", client_options=tasks)
        self._queues = Queues(sender, settings)

    def drop(self, name: str, colour: str) -> None:
        self.bucket.blob(f"in/{name}").upload_from_string(picture(colour))

    def five_minutes_later(self) -> None:
        """The hour of the next look has come, and with it a message to look."""
        self._automation.update({"next_run_at": datetime.now(UTC) - timedelta(seconds=1)})
        for kind in ("import", "export"):
            self._queues.send(RunAutomation(tenant=self._tenant, automation_id=automation_id(self.index, kind)))  # type: ignore[arg-type]

    def say(self, verb: str) -> None:
        for kind in ("import", "export"):
            made(self._client.post(f"{self._path}/{kind}/{verb}"))

    def exported(self) -> list[dict[str, Any]]:
        return [json.loads(one.download_as_bytes()) for one in self.bucket.list_blobs(prefix="out/")]

    def heard(self) -> Counter[str]:
        """How many events of each kind; a delivery made twice is one event."""
        events = {got.headers["webhook-id"]: json.loads(got.body)["event"] for got in self._receiver.received}
        return Counter(events.values())

    def come_to(self) -> dict[str, int]:
        """What there is of each kind."""
        jobs = [one for one in made(self._client.get("/import-jobs")) if one["target_index_id"] == self.index]  # type: ignore[union-attr]
        return {
            "jobs": len(jobs),
            "videos": len(made(self._client.get(f"/indexes/{self.index}/videos"))["data"]),
            "runs": len(made(self._client.get(f"/indexes/{self.index}/prompt-runs"))["data"]),
            "exports": len(made(self._client.get("/exports"))),
            "files": len(self.exported()),
        }


def _environment(stack: Stack) -> dict[str, str]:
    content = Path(f"/proc/{stack.children()['work']}/environ").read_bytes().decode()
    return dict(line.split("=", 1) for line in content.split("\0") if "=" in line)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, 6])
def test_what_is_new_arrives_is_looked_at_and_leaves_once_though_the_worker_dies(
    own_stack: Callable[..., Stack], receiver: Receiver, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_SECONDS", LEASE_SECONDS)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "")
    stack = own_stack("automations")
    with stack.client() as client:
        customer = Customer(stack, client, receiver)
        customer.drop("a.png", "red")
        customer.drop("b.png", "blue")
        customer.five_minutes_later()
        for number in range(kills):
            kill_worker(stack, after=0.3 + 0.7 * number)
        whole = {"import_job.completed": 1, "media.created": 2, "prompt_run.completed": 1, "export.ready": 1}
        eventually(lambda: customer.heard() == whole, WHOLE_WAY_SECONDS, f"told of everything once: {customer.heard()}")
        assert customer.come_to() == {"jobs": 1, "videos": 2, "runs": 1, "exports": 1, "files": 1}
        [document] = customer.exported()
        assert sorted(one["title"] for one in document["media"]) == ["a.png", "b.png"] and document["totals"]["segments"] == 2

        customer.say("pause")
        customer.drop("c.png", "green")
        customer.five_minutes_later()
        made(client.post(f"/exports/index/{customer.index}"))  # by hand, as its user may; its end is waited for
        eventually(lambda: customer.heard()["export.ready"] == 2, 60, "the export by hand is ready")
        assert customer.come_to() == {"jobs": 1, "videos": 2, "runs": 1, "exports": 2, "files": 1}, "paused: nothing fires"

        customer.say("resume")
        whole = {"import_job.completed": 2, "media.created": 3, "prompt_run.completed": 2, "export.ready": 3}
        eventually(
            lambda: customer.heard() == whole, WHOLE_WAY_SECONDS, f"what was due comes with the resume: {customer.heard()}"
        )
        assert customer.come_to() == {"jobs": 2, "videos": 3, "runs": 2, "exports": 3, "files": 2}
