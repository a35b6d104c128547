"""Beginning, finishing and replaying idempotent requests."""

import base64
import hashlib
import math
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions as google_errors

from shared import logging
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.idempotency import KEPT, LEASE, IdempotencyRecord, StoredAnswer
from shared.secrets import Sealer
from shared.store.documents import Changed, Store

WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.2
_PLAIN_CHARS = 100_000
_MAX_CHARS = 700_000  # of a stored body; the document may hold 1 MiB
REPLAYED = "Idempotent-Replayed"


@dataclass
class Begun:
    """Either `replay` is the answer, or the request is to be run under `record`."""

    record: IdempotencyRecord
    replay: StoredAnswer | None = None
    resumed: bool = False


def record_id(tenant: str, route: str, path_ids: tuple[str, ...], key: str) -> str:
    parts = [tenant, route, *path_ids, key]
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


class Idempotency:
    def __init__(self, store: Store, sealer: Callable[[], Sealer], sleep: Callable[[float], None]) -> None:
        self._store = store
        self._sealer = sealer
        self._sleep = sleep

    def begin(self, tenant: str, record: str, fingerprint: str) -> Begun:
        """Takes the request, or waits up to 10 s for the twin that has it. Raises 409 or 422."""
        waited = 0.0
        while True:
            begun, holder = self._try(tenant, record, fingerprint)
            if begun is not None:
                return begun
            if waited >= WAIT_SECONDS:
                raise ApiError(
                    ErrorCode.IDEMPOTENCY_IN_PROGRESS,
                    "the first request with this Idempotency-Key is still running",
                    retry_after=self._lease_left(holder),
                )
            self._sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS

    def _try(self, tenant: str, record: str, fingerprint: str) -> tuple[Begun, None] | tuple[None, IdempotencyRecord | None]:
        now = self._store.clock()
        mine = IdempotencyRecord(
            created_at=now,
            updated_at=now,
            tenant=tenant,
            record_id=record,
            fingerprint=fingerprint,
            seed=secrets.token_hex(16),
            expires_at=now + KEPT,
            lease_until=now + LEASE,
        )
        batch = self._store.batch()
        batch.create(mine)
        try:
            batch.commit()
            return Begun(mine), None
        except Changed:
            held = self._store.get(IdempotencyRecord, tenant, record)
        if held is None:  # swept in this moment
            return None, None
        if held.seed == mine.seed:  # it is this one: it was created, and the answer to that was lost
            return Begun(held), None
        if held.expires_at <= now:
            return self._take(held, fingerprint=fingerprint, seed=mine.seed, expires_at=mine.expires_at, done=False)
        if held.fingerprint != fingerprint:
            raise ApiError(ErrorCode.IDEMPOTENCY_KEY_REUSED, "this Idempotency-Key was used with another request")
        if held.done:
            return Begun(held, self._replay(held)), None
        if held.lease_until is not None and held.lease_until > now:
            return None, held
        return self._take(held)

    def _take(self, held: IdempotencyRecord, **values: Any) -> tuple[Begun, None] | tuple[None, IdempotencyRecord]:
        resumed = "seed" not in values
        batch = self._store.batch()
        batch.change(held, lease_until=self._store.clock() + LEASE, **values)
        try:
            batch.commit()
        except Changed:
            return None, held  # a twin was quicker
        return Begun(held, resumed=resumed), None

    def finish(self, begun: Begun, answer: StoredAnswer, *, secret: bool) -> None:
        """Keeps the answer; or, for what another try may change, only gives the lease back."""
        batch = self._store.batch()
        if _is_final(answer.status):
            text, encoding = self._pack(begun.record, answer.body, secret)
            if len(text) <= _MAX_CHARS:
                batch.change(
                    begun.record,
                    done=True,
                    lease_until=None,
                    response_status=answer.status,
                    response_headers=answer.headers,
                    response_body=text,
                    encoding=encoding,
                )
        if not len(batch):
            batch.change(begun.record, lease_until=None)
        try:
            batch.commit()
        except Changed:
            logging.warning("idempotency lease lost", record=begun.record.record_id)

    def release(self, begun: Begun) -> None:
        """After a fault: the next try goes on with the same seed, at once or where even this fails once the lease is over."""
        batch = self._store.batch()
        batch.change(begun.record, lease_until=None)
        try:
            batch.commit()
        except (Changed, google_errors.GoogleAPICallError):
            return

    def _pack(self, record: IdempotencyRecord, body: bytes, secret: bool) -> tuple[str, str]:
        if secret:
            return self._sealer().seal(body, _place(record)), "sealed"
        text = body.decode()
        if len(text) <= _PLAIN_CHARS:
            return text, "text"
        return base64.b64encode(zlib.compress(body)).decode(), "zlib"

    def _replay(self, record: IdempotencyRecord) -> StoredAnswer:
        if record.encoding == "sealed":
            body = self._sealer().open(record.response_body, _place(record))
        elif record.encoding == "zlib":
            body = zlib.decompress(base64.b64decode(record.response_body))
        else:
            body = record.response_body.encode()
        return StoredAnswer(record.response_status, {**record.response_headers, REPLAYED: "true"}, body)

    def _lease_left(self, holder: IdempotencyRecord | None) -> int:
        if holder is None or holder.lease_until is None:
            return 1
        return max(1, math.ceil((holder.lease_until - self._store.clock()).total_seconds()))


def _place(record: IdempotencyRecord) -> str:
    return f"tenants/{record.tenant}/idempotency/{record.record_id}"


def _is_final(status: int) -> bool:
    """Credentials and budgets may be mended and faults may pass: those are not what the request *did*."""
    return status < 500 and status not in (401, 403, 429)
