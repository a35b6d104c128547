"""What production refuses: names, sizes and settings; and what this emulator does not carry out."""

import re
from collections.abc import Iterable
from typing import Any

from emulators.dispatch.refusal import invalid, unimplemented
from emulators.pubsub.filters import compile_filter

MESSAGE_BYTES = 10_000_000
MESSAGES_PER_PUBLISH = 1000
ATTRIBUTES = 100
ATTRIBUTE_KEY_BYTES = 256
ATTRIBUTE_VALUE_BYTES = 1024

DAY = 86_400
DEFAULT_ACK_DEADLINE = 10
DEFAULT_RETENTION = 7 * DAY
DEFAULT_ATTEMPTS = 5

_RESOURCE = re.compile(r"projects/([a-z0-9][a-z0-9:.\-]*)/(topics|subscriptions)/([A-Za-z][A-Za-z0-9\-_.~+%]{2,254})")

_UNSUPPORTED_SUBSCRIPTION_FIELDS = (
    "bigquery_config",
    "cloud_storage_config",
    "bigtable_config",
    "message_transforms",
    "enable_message_ordering",
    "enable_exactly_once_delivery",
    "retain_acked_messages",
)
_UNSUPPORTED_TOPIC_FIELDS = (
    "schema_settings",
    "ingestion_data_source_settings",
    "message_transforms",
    "kms_key_name",
)


def check_name(name: str, kind: str) -> None:
    """`projects/{project}/{kind}/{id}`, the id of 3 to 255 characters, beginning with a letter and not with goog."""
    match = _RESOURCE.fullmatch(name)
    if match is None or match[2] != kind or match[3].startswith("goog"):
        raise invalid(f"Invalid resource name given (name={name}).")


def check_project(name: str) -> None:
    if re.fullmatch(r"projects/[^/]+", name) is None:
        raise invalid(f"Invalid project given (name={name}).")


def check_topic(topic: Any) -> None:
    check_name(topic.name, "topics")
    _refuse_unsupported(topic, _UNSUPPORTED_TOPIC_FIELDS)
    if topic.HasField("message_retention_duration"):
        _check_range("message_retention_duration", topic.message_retention_duration, 600, 31 * DAY)


def check_subscription(subscription: Any) -> None:
    """Raises for settings production refuses; fills in none of them."""
    check_name(subscription.name, "subscriptions")
    _refuse_unsupported(subscription, _UNSUPPORTED_SUBSCRIPTION_FIELDS)
    if not 10 <= subscription.ack_deadline_seconds <= 600:
        raise invalid("ack_deadline_seconds must be between 10 and 600")
    _check_range("message_retention_duration", subscription.message_retention_duration, 600, 31 * DAY)
    if subscription.HasField("retry_policy"):
        _check_retry(subscription.retry_policy)
    if subscription.HasField("dead_letter_policy"):
        attempts = subscription.dead_letter_policy.max_delivery_attempts
        if not 5 <= attempts <= 100:
            raise invalid("max_delivery_attempts must be between 5 and 100")
    compile_filter(subscription.filter)
    check_push(subscription.push_config)


def check_push(push: Any) -> None:
    """An empty configuration is allowed: it holds messages back."""
    if push.push_endpoint and re.match(r"https?://[^/\s]+", push.push_endpoint) is None:
        raise invalid(f"Invalid push endpoint given (endpoint={push.push_endpoint}).")
    if push.HasField("no_wrapper"):
        raise unimplemented("push without the wrapper is not emulated")
    if push.HasField("oidc_token") and not push.oidc_token.service_account_email:
        raise invalid("oidc_token needs a service_account_email")


def check_messages(messages: Iterable[Any]) -> None:
    messages = list(messages)
    if not messages:
        raise invalid("The request contains no messages.")
    if len(messages) > MESSAGES_PER_PUBLISH:
        raise invalid(f"A publish request holds at most {MESSAGES_PER_PUBLISH} messages.")
    if sum(message.ByteSize() for message in messages) > MESSAGE_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MESSAGE_BYTES} bytes.")
    for message in messages:
        _check_message(message)


def _check_message(message: Any) -> None:
    if message.ordering_key:
        raise unimplemented("ordering keys are not emulated")
    if not message.data and not message.attributes:
        raise invalid("Some messages in the request are empty: each needs data or at least one attribute.")
    if len(message.attributes) > ATTRIBUTES:
        raise invalid(f"A message has at most {ATTRIBUTES} attributes.")
    for key, value in message.attributes.items():
        if not key or len(key.encode()) > ATTRIBUTE_KEY_BYTES or key.startswith("goog"):
            raise invalid("An attribute key has 1 to 256 bytes and does not begin with goog.")
        if len(value.encode()) > ATTRIBUTE_VALUE_BYTES:
            raise invalid(f"An attribute value has at most {ATTRIBUTE_VALUE_BYTES} bytes.")


def _check_retry(policy: Any) -> None:
    _check_range("minimum_backoff", policy.minimum_backoff, 0, 600)
    _check_range("maximum_backoff", policy.maximum_backoff, 0, 600)
    if seconds(policy.minimum_backoff) > seconds(policy.maximum_backoff):
        raise invalid("minimum_backoff must not be greater than maximum_backoff")


def seconds(duration: Any) -> float:
    return duration.seconds + duration.nanos / 1e9


def _check_range(field: str, duration: Any, low: float, high: float) -> None:
    if not low <= seconds(duration) <= high:
        raise invalid(f"{field} must be between {low} and {high} seconds")


def _refuse_unsupported(message: Any, fields: Iterable[str]) -> None:
    present = {descriptor.name for descriptor, _ in message.ListFields()}
    for field in fields:
        if field in present:
            raise unimplemented(f"{field} is not emulated")
