"""One attempt to tell a receiver: signed, sent once, judged by what it answered."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock

from shared.domain.webhooks import ATTEMPT_SECONDS, READ_BYTES, STORED_BYTES, Webhook
from shared.egress.client import Egress, Refused, Unreachable
from shared.secrets import Sealer, Unopenable
from shared.webhooks.signing import body_of, hex_signature, standard_signature

_KEPT_OPEN = 1_000
_AGENT = "VideoVector-Webhooks/2"
GONE = 410


@dataclass(frozen=True)
class Outcome:
    """`retryable` tells a failure that may pass from one that is final; `retry_after` in seconds, only with the former."""

    delivered: bool
    retryable: bool = False
    status_code: int | None = None
    response_body: str = ""
    error: str = ""
    retry_after: float | None = None


class Posting:
    def __init__(self, egress: Egress, sealer: Sealer, *, seconds: float = ATTEMPT_SECONDS) -> None:
        self._egress = egress
        self._sealer = sealer
        self._seconds = seconds
        self._open: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def post(
        self,
        webhook: Webhook,
        payload: dict,
        *,
        message_id: str,
        delivery_id: str,
        attempt_id: str,
        event_type: str,
        now: datetime,
    ) -> Outcome:
        """The only place that sends. The URL is read and its host checked again, whatever was checked when it was stored."""
        try:
            secrets = [self._secret(webhook, sealed) for sealed in webhook.signing(now)]
        except Unopenable:
            return Outcome(False, error="the signing secret cannot be opened; rotate it")
        body = body_of(payload)
        timestamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "X-Webhook-Signature": hex_signature(secrets[0], body),
            "X-Webhook-ID": webhook.webhook_id,
            "X-Delivery-ID": delivery_id,
            "X-Delivery-Attempt-Id": attempt_id,
            "X-Event-Type": event_type,
            "Idempotency-Key": delivery_id,
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(standard_signature(one, message_id, timestamp, body) for one in secrets),
        }
        try:
            answer = self._egress.request(
                "POST", webhook.url, body=body, headers=headers, seconds=self._seconds, most_bytes=READ_BYTES
            )
        except Refused as error:
            return Outcome(False, error=f"not sent: {error}")
        except Unreachable as error:
            return Outcome(False, retryable=True, error=str(error))
        text = answer.body[:STORED_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
        return _judged(answer.status, text, answer.headers.get("retry-after", ""), now)

    def _secret(self, webhook: Webhook, sealed: str) -> str:
        """Opened secrets stay in memory: a receiver of many events would else cost one call of the key service each."""
        with self._lock:
            known = self._open.get(sealed)
            if known is not None:
                self._open.move_to_end(sealed)
                return known
        opened = self._sealer.open(sealed, webhook.sealed_in()).decode()
        with self._lock:
            self._open[sealed] = opened
            while len(self._open) > _KEPT_OPEN:
                self._open.popitem(last=False)
        return opened


def _judged(status: int, text: str, retry_after: str, now: datetime) -> Outcome:
    if 200 <= status < 300:
        return Outcome(True, status_code=status, response_body=text)
    if status >= 500:
        wish = _seconds(retry_after, now)
        return Outcome(False, True, status, text, f"the receiver answered {status}", wish)
    if 300 <= status < 400:
        return Outcome(False, False, status, text, f"the receiver answered {status}; redirects are not followed")
    return Outcome(False, False, status, text, f"the receiver answered {status}, which is final")


def _seconds(retry_after: str, now: datetime) -> float | None:
    """Seconds or a date, as HTTP allows both; None for anything else."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
