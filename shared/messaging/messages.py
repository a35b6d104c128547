"""Commands and facts between functions: ids only, versioned, at most 4 KiB; one class per stage.

A command's `QUEUE` is the queue it goes by and names the function it wakes; a fact's `TOPIC` is the topic it is published on.
"""

import base64
import hashlib
import json
import re
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from shared import tracing

PROCESS_SEGMENT_SHARDS = 4
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,128}$")


class Message(BaseModel):
    # A newer sender may say more. Each function reads one or two of these, and builds only those.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    v: Literal[1] = 1
    kind: str
    traceparent: str = ""


M = TypeVar("M", bound=Message)


def traced(message: M) -> M:
    """The message in the trace of the request or the stage that sends it."""
    trace = tracing.traceparent()
    return message.model_copy(update={"traceparent": trace}) if trace and not message.traceparent else message


class Command(Message):
    """Goes by Cloud Tasks to exactly one stage."""

    FUNCTION: ClassVar[str]
    tenant: str

    def queue(self) -> str:
        return self.FUNCTION

    def fingerprint(self) -> str:
        """Names the work, not the sending: the trace does not count."""
        return hashlib.sha256(self.model_dump_json(exclude={"traceparent"}).encode()).hexdigest()[:32]


class PlanRun(Command):
    FUNCTION: ClassVar[str] = "plan-run"
    kind: Literal["plan_run"] = "plan_run"
    run_id: str


class CutSegments(Command):
    FUNCTION: ClassVar[str] = "cut-segments"
    kind: Literal["cut_segments"] = "cut_segments"
    run_id: str
    video_id: str


class ProcessSegment(Command):
    """Sharded by tenant, so that one tenant's backlog does not stand before everybody else's.

    With a `retry_id` it is about what failed of a segment that has ended.
    """

    FUNCTION: ClassVar[str] = "process-segment"
    kind: Literal["process_segment"] = "process_segment"
    run_id: str
    video_id: str
    segment_id: str
    retry_id: str = ""

    def queue(self) -> str:
        digest = hashlib.sha256(self.tenant.encode()).digest()
        return f"{self.FUNCTION}-{digest[0] % PROCESS_SEGMENT_SHARDS}"


class SynthesizeVideo(Command):
    FUNCTION: ClassVar[str] = "synthesize-video"
    kind: Literal["synthesize_video"] = "synthesize_video"
    run_id: str
    video_id: str


class SettleRun(Command):
    """Recounts a run; ends it when nothing in it is open."""

    FUNCTION: ClassVar[str] = "settle-run"
    kind: Literal["settle_run"] = "settle_run"
    run_id: str


class BuildTables(Command):
    """Makes the tables of a run that has ended, or makes them anew."""

    FUNCTION: ClassVar[str] = "build-tables"
    kind: Literal["build_tables"] = "build_tables"
    run_id: str


class BuildExport(Command):
    """Writes the file of an export, and brings it where it was asked for."""

    FUNCTION: ClassVar[str] = "build-export"
    kind: Literal["build_export"] = "build_export"
    export_id: str


class ScanImport(Command):
    """One step of a job's listing, named by its `page_id`; without one: recounts the job, and ends it when nothing is open."""

    FUNCTION: ClassVar[str] = "scan-import"
    kind: Literal["scan_import"] = "scan_import"
    job_id: str
    page_id: str = ""


class ImportFile(Command):
    """Copies one object of a customer's storage, and makes a media item of it."""

    FUNCTION: ClassVar[str] = "import-file"
    kind: Literal["import_file"] = "import_file"
    job_id: str
    file_id: str


class RunAutomation(Command):
    """Looks what an automation has to do now; a message too many finds nothing to do."""

    FUNCTION: ClassVar[str] = "run-automation"
    kind: Literal["run_automation"] = "run_automation"
    automation_id: str


class Purge(Command):
    FUNCTION: ClassVar[str] = "purge"
    kind: Literal["purge"] = "purge"
    deletion_id: str


class RunTurn(Command):
    """Answers one turn of a chat session, from where it stands."""

    FUNCTION: ClassVar[str] = "run-turn"
    kind: Literal["run_turn"] = "run_turn"
    session_id: str
    turn_id: str


class DeliverWebhook(Command):
    """Makes one attempt to tell a receiver of an event."""

    FUNCTION: ClassVar[str] = "deliver-webhook"
    kind: Literal["deliver_webhook"] = "deliver_webhook"
    delivery_id: str


class EventHappened(Message):
    """A fact: an event row was written. Whoever has nothing to do with its type need not read it; an older sender says none."""

    TOPIC: ClassVar[str] = "events"
    kind: Literal["event_happened"] = "event_happened"
    tenant: str
    event_id: str
    event_type: str = ""

    def attributes(self) -> dict[str, str]:
        """For the filters of subscriptions: `prompt_run.completed` is of the family `prompt_run`, at the step `completed`."""
        family, _, step = self.event_type.rpartition(".")
        return {"family": family, "step": step} if family else {}


class MediaStored(Message):
    """A fact the bucket tells: an object below `media/` was finished. Made from the notification's attributes."""

    TOPIC: ClassVar[str] = "media-stored"
    kind: Literal["media_stored"] = "media_stored"
    bucket: str
    name: str
    generation: str

    _NAME: ClassVar[re.Pattern] = re.compile(r"^media/([^/]+)/(vid_[0-9a-z]{26})/original$")

    def owner(self) -> tuple[str, str] | None:
        """(tenant, video_id) by the object's name, or None for an object that is not an original."""
        match = self._NAME.match(self.name)
        return (match.group(1), match.group(2)) if match else None


class DeadLetter(Message):
    """A fact Pub/Sub tells: five deliveries of this message to one subscription failed. Holds what of it names something."""

    TOPIC: ClassVar[str] = "dead-letters"
    kind: Literal["dead_letter"] = "dead_letter"
    message_id: str
    subscription_id: str = ""
    tenant: str = ""
    event_id: str = ""
    object_id: str = ""

    @staticmethod
    def told_by(message: dict[str, Any]) -> dict[str, str]:
        """Of the push; the message itself may be anything, so only well-formed names are taken from it."""
        attributes = message.get("attributes") or {}
        try:
            said = json.loads(base64.b64decode(message.get("data", "")))
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        named = {name: str(said.get(name, "")) for name in ("tenant", "event_id", "traceparent")}
        return {
            **{name: value if _NAME.match(value) else "" for name, value in named.items()},
            "message_id": str(message.get("messageId", "")),
            "subscription_id": str(attributes.get("CloudPubSubDeadLetterSourceSubscription", "")),
            "object_id": str(attributes.get("objectId", ""))[:1024],
        }


class Tick(Message):
    """The scheduler's minute."""

    kind: Literal["tick"] = "tick"


QUEUES: dict[str, list[str]] = {
    command.FUNCTION: (
        [f"{command.FUNCTION}-{n}" for n in range(PROCESS_SEGMENT_SHARDS)] if command is ProcessSegment else [command.FUNCTION]
    )
    for command in (
        PlanRun,
        CutSegments,
        ProcessSegment,
        SynthesizeVideo,
        SettleRun,
        BuildTables,
        ScanImport,
        ImportFile,
        BuildExport,
        RunAutomation,
        Purge,
        RunTurn,
        DeliverWebhook,
    )
}
