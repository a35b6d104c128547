"""The push request as a subscriber's endpoint sees it."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulators.dispatch.delivery import Bearer, Delivery

SUCCESS = frozenset({102, 200, 201, 202, 204})


@dataclass(frozen=True)
class Stored:
    """A message as it was published; `published` is in seconds since the epoch."""

    id: int
    data: bytes
    attributes: dict[str, str]
    published: float


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def push_request(delivery_id: str, message: Stored, subscription: Any, attempt: int) -> Delivery:
    """The wrapped form: names in both spellings, as production sends them; empty parts are left out."""
    when = timestamp(message.published)
    inner: dict[str, Any] = {}
    if message.attributes:
        inner["attributes"] = message.attributes
    if message.data:
        inner["data"] = base64.b64encode(message.data).decode()
    inner |= {"messageId": str(message.id), "message_id": str(message.id)}
    inner |= {"publishTime": when, "publish_time": when}
    body: dict[str, Any] = {"message": inner, "subscription": subscription.name}
    if subscription.HasField("dead_letter_policy"):
        body["deliveryAttempt"] = attempt
    push = subscription.push_config
    return Delivery(
        id=delivery_id,
        url=push.push_endpoint,
        headers={"Content-Type": "application/json", "User-Agent": "CloudPubSub-Google"},
        body=json.dumps(body).encode(),
        deadline=float(subscription.ack_deadline_seconds),
        bearer=_bearer(push),
    )


def _bearer(push: Any) -> Bearer | None:
    if not push.HasField("oidc_token"):
        return None
    return Bearer(push.oidc_token.audience or push.push_endpoint, push.oidc_token.service_account_email)
