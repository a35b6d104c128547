"""Requests, and models' answers to them, counted in memory and written down now and then: a request itself costs no write.

A sheet keeps its id until it is written, and writing brings the stored counts to what the sheet says: a write that timed out
after it was done is not counted twice. What a killed instance had not yet written, at most a minute of requests, is lost.
"""

import atexit
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from google.api_core import exceptions as google_errors

from shared import logging
from shared.domain.limits import Category
from shared.domain.usage import Metric, Tally, model_tally
from shared.store.documents import Changed, Store
from shared.store.usage import Usage

if TYPE_CHECKING:
    from shared.inference.models import Answer

EVERY = timedelta(seconds=60)
_KEPT = timedelta(days=35)  # sheets are many and small; the periods they are added to stay
_MOST_UNSENT = 1_000
JWT = "jwt"


@dataclass
class _Sheet:
    tenant: str
    since: datetime
    row_id: str = field(default_factory=lambda: f"requests_{uuid.uuid4().hex}")
    tally: Tally = field(default_factory=Tally)


class Meter:
    """Safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usage = Usage(store)
        self._sheets: dict[str, _Sheet] = {}  # by tenant, oldest first
        self._unsent: list[_Sheet] = []
        self._lock = threading.Lock()

    def count(self, tenant: str, key_id: str | None, category: Category, *, answered: bool) -> None:
        """One request that was let through; `answered` when it succeeded."""
        now = self._store.clock()
        numbers = {Metric.API_REQUESTS.value: 1.0}
        if category is Category.SEARCH and answered:
            numbers[Metric.SEARCHES.value] = 1.0
        self._add(tenant, Tally(metrics=numbers, credentials={key_id or JWT: numbers}), now)

    def count_answer(self, tenant: str, answer: "Answer") -> None:
        """What a model answered while a request waited for it."""
        tally = model_tally([(answer.model, answer.input_tokens, answer.output_tokens)])
        self._add(tenant, tally, self._store.clock())

    def _add(self, tenant: str, tally: Tally, now: datetime) -> None:
        with self._lock:
            sheet = self._sheets.setdefault(tenant, _Sheet(tenant, now))
            sheet.tally.add(tally)
            oldest = next(iter(self._sheets.values()))
            due = [one for one in {id(one): one for one in (sheet, oldest)}.values() if now - one.since >= EVERY]
            for one in due:
                del self._sheets[one.tenant]
        for one in due:
            self._write(one)

    def flush(self, tenant: str | None = None) -> None:
        """Writes what is counted of one tenant, or of all."""
        with self._lock:
            names = [tenant] if tenant is not None else list(self._sheets)
            due = [self._sheets.pop(name) for name in names if name in self._sheets]
            due += [one for one in self._unsent if tenant in (None, one.tenant)]
            self._unsent = [one for one in self._unsent if one not in due]
        for one in due:
            self._write(one)

    def _write(self, sheet: _Sheet) -> None:
        """A request never fails for it; what could not be written is tried again with the next flush."""
        try:
            self._usage.count(sheet.tenant, sheet.row_id, sheet.since, sheet.tally, {}, kept=_KEPT)
        except (Changed, google_errors.GoogleAPICallError, ConnectionError) as error:
            logging.warning("usage not written", tenant=sheet.tenant, reason=type(error).__name__)
            with self._lock:
                self._unsent = [*self._unsent[-_MOST_UNSENT:], sheet]


def flushed_at_exit(meter: Meter) -> None:
    """An instance that ends in order writes what it still holds."""
    atexit.register(meter.flush)
