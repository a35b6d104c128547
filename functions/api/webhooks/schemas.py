"""What the webhook endpoints take and answer."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from shared.domain.events import EventType
from shared.http.answers import Moment, Object
from shared.http.nullable import NullIs

MOST_METADATA_BYTES = 8 * 1024

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


def _each_once(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata).encode()) > MOST_METADATA_BYTES:
        raise ValueError(f"metadata has at most {MOST_METADATA_BYTES} bytes as JSON")
    return metadata


Events = Annotated[list[EventType], Field(min_length=1, max_length=100), AfterValidator(_each_once)]
IndexIds = Annotated[list[Id], Field(max_length=100), AfterValidator(_each_once), NullIs(list)]
Metadata = Annotated[dict[str, Any], AfterValidator(_small), NullIs(dict)]


class WebhookCreate(BaseModel):
    """`index_ids` narrows it to events of these indexes; none: all. `metadata` goes out with every event."""

    name: Name
    url: Url
    events: Events
    index_ids: IndexIds = []
    metadata: Metadata = {}


class WebhookUpdate(BaseModel):
    """What is absent stays. `active` also ends a `disabled`, and forgets the failures that led there."""

    name: Name = ""
    url: Url = ""
    events: Events = []
    index_ids: IndexIds = []
    metadata: Metadata = {}
    status: Literal["active", "paused"] = "active"


class DeliveryList(BaseModel):
    status: Literal["pending", "processing", "delivered", "failed", "retrying"] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class WebhookAnswer(TypedDict):
    webhook_id: str
    name: str
    url: str
    events: list[str]
    index_ids: list[str] | None
    status: str
    failure_count: int
    last_failure_at: Moment | None
    last_success_at: Moment | None
    disabled_at: Moment | None
    disabled_reason: str | None
    created_at: Moment
    updated_at: Moment
    metadata: Object


class WebhookWithSecretAnswer(WebhookAnswer):
    secret: str


class WebhookRemovedAnswer(TypedDict):
    message: str
    webhook_id: str


class RotationAnswer(TypedDict):
    """The old secret signs beside the new one, in `webhook-signature`, until `old_secret_until`."""

    webhook_id: str
    new_secret: str
    old_secret_until: Moment


class TestAnswer(TypedDict):
    success: bool
    status_code: int | None
    error: str | None


class AttemptAnswer(TypedDict, total=False):
    attempt_id: str
    number: int
    started_at: Moment
    ended_at: Moment
    outcome: str
    status_code: int | None
    error: str


class DeliveryAnswer(TypedDict):
    delivery_id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: str
    attempts: int
    last_attempt_at: Moment | None
    next_retry_at: Moment | None
    response_status_code: int | None
    response_body: str | None
    error_message: str | None
    created_at: Moment
    completed_at: Moment | None
    payload: Object
    attempt_log: list[AttemptAnswer]
