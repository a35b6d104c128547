"""What happened: the product's 17 events, the payload of each, and the row a state change leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from shared.domain.documents import Document, json_field
from shared.domain.ids import derived_id


class EventType(StrEnum):
    MEDIA_CREATED = "media.created"
    MEDIA_PROCESSING_STARTED = "media.processing.started"
    MEDIA_PROCESSING_COMPLETED = "media.processing.completed"
    MEDIA_PROCESSING_FAILED = "media.processing.failed"
    PROMPT_RUN_STARTED = "prompt_run.started"
    PROMPT_RUN_COMPLETED = "prompt_run.completed"
    PROMPT_RUN_FAILED = "prompt_run.failed"
    PROMPT_RUN_CANCELLED = "prompt_run.cancelled"
    PROMPT_RUN_PARTIAL_COMPLETED = "prompt_run.partial_completed"
    PROMPT_RUN_PROGRESS = "prompt_run.progress"
    EXPORT_READY = "export.ready"
    EXPORT_FAILED = "export.failed"
    IMPORT_JOB_STARTED = "import_job.started"
    IMPORT_JOB_COMPLETED = "import_job.completed"
    IMPORT_JOB_FAILED = "import_job.failed"
    IMPORT_JOB_PARTIAL_COMPLETED = "import_job.partial_completed"
    IMPORT_JOB_PROGRESS = "import_job.progress"


class Payload(BaseModel):
    """What an event says beside what every event has."""

    model_config = ConfigDict(defer_build=True)  # most functions tell of one kind, and build only that


class MediaPayload(Payload):
    """media.created and media.processing.*"""

    video_id: str
    index_id: str | None = None
    title: str = ""
    media_type: str
    run_id: str | None = None
    status: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class PromptRunPayload(Payload):
    """prompt_run.*; counts are those at the moment of the event."""

    run_id: str
    prompt_id: str
    status: str
    index_ids: list[str]
    total_segments: int = 0
    completed_segments: int = 0
    total_media: int = 0
    completed_media: int = 0
    percent: float = 0.0
    error_code: str | None = None
    error_message: str | None = None


class ExportPayload(Payload):
    """export.ready and export.failed"""

    export_id: str
    export_type: str
    target_id: str
    status: str
    error_message: str | None = None


class ImportJobPayload(Payload):
    """import_job.*"""

    job_id: str
    connector_id: str
    target_index_id: str
    status: str
    total_files: int = 0
    imported: int = 0
    failed: int = 0
    skipped: int = 0
    error_message: str | None = None


PAYLOADS: dict[EventType, type[Payload]] = {
    event: (
        MediaPayload
        if event.startswith("media.")
        else PromptRunPayload
        if event.startswith("prompt_run.")
        else ExportPayload
        if event.startswith("export.")
        else ImportJobPayload
    )
    for event in EventType
}


@dataclass(kw_only=True)
class Event(Document):
    """Written in the transaction of the change it tells of; `seq` is stamped later, by one stage alone.

    `told` is false where it was numbered before its own message came: that may have been lost, so it is sent again in a while.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/events/{event_id}"

    tenant: str
    event_id: str
    event_type: str
    user_id: str
    seq: int | None = None
    told: bool = True
    run_id: str = ""
    video_id: str = ""
    segment_id: str = ""
    index_id: str = ""
    payload: dict[str, Any] = json_field()
    expires_at: datetime | None = None


@dataclass(kw_only=True)
class EventLog(Document):
    """The last number given to an event of the tenant."""

    PATH: ClassVar[str] = "tenants/{tenant}"

    tenant: str
    last_seq: int = 0


def event_id(resource_id: str, transition: str, version: object) -> str:
    """A repeated transition writes the same row."""
    return derived_id("event", resource_id, transition, version)
