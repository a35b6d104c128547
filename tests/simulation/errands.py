"""What else a user has the product do, beside looking at media: imports, exports, webhooks, talks about what was found."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.chat import log
from shared.domain.chat import ChatSession, ChatTurn, EventKind, TurnStatus
from shared.domain.connectors import Connector
from shared.domain.errors import ApiError
from shared.domain.events import EventType
from shared.domain.ids import new_id
from shared.domain.imports import ImportJob
from shared.domain.webhooks import Webhook
from shared.messaging.messages import RunTurn
from shared.store.exports import new_export, send_export
from shared.store.imports import Imports, Wanted
from tests.pipeline import films
from tests.pipeline.scenes import USER
from tests.pipeline.world import World

ERRANDS = ("import", "export", "webhook", "chat")
BUCKET = "customer-media"
PICTURES = {"a.png": films.picture("red"), "b.png": films.picture("green")}
FILES = {**PICTURES, "notes.txt": b"no media", "broken.png": b"\x89PNG no more"}
EVENTS = [event.value for event in EventType if event != EventType.PROMPT_RUN_PROGRESS]


@dataclass
class Errands:
    """Of one seed; `kinds` are those that its user has."""

    world: World
    kinds: frozenset[str]
    tenant: str = ""
    index_id: str = ""
    connector_id: str = ""
    webhook: Webhook | None = None
    jobs: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)  # session and turn
    stopped: list[str] = field(default_factory=list)  # turns
    cancelled: list[str] = field(default_factory=list)  # jobs
    asked_again: int = 0

    def set_out(self, tenant: str, index_id: str) -> None:
        self.tenant, self.index_id = tenant, index_id
        if "webhook" in self.kinds:
            self.webhook = self._a_webhook()
        if "import" in self.kinds:
            self._a_connector()
        if "chat" in self.kinds:
            self.session = ChatSession(**self._owned(), session_id=new_id("session"))
            self._create(self.session)

    def _owned(self) -> dict[str, Any]:
        now = self.world.store.clock()
        return {"created_at": now, "updated_at": now, "tenant": self.tenant, "user_id": USER}

    def _create(self, *documents: Any) -> None:
        batch = self.world.store.batch()
        for document in documents:
            batch.create(document)
        batch.commit()

    def _a_webhook(self) -> Webhook:
        webhook = Webhook(**self._owned(), webhook_id=new_id("webhook"), name="x", url="https://receiver.test/x", events=EVENTS)
        webhook.secret = self.world.opener.sealer.seal(b"whsec_c2VjcmV0", webhook.sealed_in())
        self._create(webhook)
        return webhook

    def _a_connector(self) -> None:
        self.connector_id = new_id("connector")
        bucket = self.world.objects._client.create_bucket(BUCKET)
        for name, content in FILES.items():
            bucket.blob(name).upload_from_string(content)
        secret = self.world.opener.seal(self.connector_id, self.tenant, {"client_email": "x", "private_key": "x"})
        place = {"bucket": BUCKET, "gcp_project_id": "customer"}
        self._create(
            Connector(**self._owned(), connector_id=self.connector_id, name="b", provider="gcs", place=place, sealed=secret)
        )

    # --- wishes

    def bring(self) -> str:
        imports, job_id = Imports(self.world.store, self.world.queues), new_id("import_job")
        imports.start(self.tenant, job_id, USER, Wanted(self.connector_id, self.index_id))
        self.jobs.append(job_id)
        return f"imports by {job_id}"

    def stop_bringing(self) -> str:
        """Or asks for what failed once more, where it has ended."""
        imports = Imports(self.world.store, self.world.queues)
        for job_id in self.jobs:
            try:
                imports.cancel(self.tenant, job_id)
                self.cancelled.append(job_id)
                return f"cancels {job_id}"
            except ApiError:
                continue
        return ""

    def bring_again(self) -> str:
        imports = Imports(self.world.store, self.world.queues)
        for job_id in self.jobs:
            try:
                imports.retry(self.tenant, job_id)
                self.asked_again += 1
                return f"retries {job_id}"
            except ApiError:
                continue
        return ""

    def export(self, run_id: str) -> str:
        export = new_export(
            self.world.store,
            tenant=self.tenant,
            export_id=new_id("export"),
            user_id=USER,
            export_type="prompt_run",
            target_id=run_id,
        )
        self._create(export)
        send_export(self.world.queues, export)
        self.exports.append(export.export_id)
        return f"exports {run_id} as {export.export_id}"

    def ask(self) -> str:
        now = self.world.store.clock()
        turn = ChatTurn(
            **self._owned(),
            session_id=self.session.session_id,
            turn_id=new_id("turn"),
            message=f"What is in it? turn-{len(self.turns)}",
            owner=self.tenant,
            index_ids=[self.index_id],
            model="gemini-2.5-flash",
            status=TurnStatus.PENDING.value,
            wake_at=now + timedelta(seconds=60),
        )
        batch = self.world.store.batch()
        turn.last_sequence = log.append(batch, turn, [(EventKind.TURN_STARTED, {"user_message": turn.message})], now)
        batch.create(turn)
        batch.commit()
        told = RunTurn(tenant=self.tenant, session_id=turn.session_id, turn_id=turn.turn_id)
        self.world.queues.send(told, slot="begin")
        self.turns.append((turn.session_id, turn.turn_id))
        return f"asks {turn.turn_id}"

    def be_silent(self) -> str:
        for session_id, turn_id in self.turns:
            turn = self.world.store.get(ChatTurn, self.tenant, session_id, turn_id)
            if turn is not None and not TurnStatus(turn.status).is_terminal and turn_id not in self.stopped:
                batch = self.world.store.batch()
                batch.raw_update(self.session, {f"stops.{turn_id}": self.world.store.clock()})
                batch.commit()
                self.stopped.append(turn_id)
                return f"stops {turn_id}"
        return ""

    def ended_jobs(self) -> list[ImportJob]:
        found = (self.world.store.get(ImportJob, self.tenant, one) for one in self.jobs)
        return [one for one in found if one is not None]


def chat_model(body: dict[str, Any]) -> dict[str, Any] | None:
    """What the model answers in a talk: it calls a tool, then says what there is; None where no talk is."""
    if not body.get("systemInstruction"):
        return None
    called = any("functionResponse" in part for content in body["contents"] for part in content["parts"])
    part = {"text": "There are plain colours."} if called else {"functionCall": {"name": "describe_scope", "args": {}}}
    candidate = {"finishReason": "STOP", "content": {"role": "model", "parts": [part]}}
    return {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 18}, "modelVersion": "scripted"}
