"""Counting what was used, and reading the counts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.media import Video
from shared.domain.usage import Metric, Tally, UsagePeriod, UsageRow, shards_of, slots_of
from shared.store.documents import Batch, Changed, Store

KEPT = timedelta(days=400)
_TRIES = 8


class Usage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def count(
        self, tenant: str, row_id: str, happened_at: datetime, tally: Tally, about: dict[str, str], kept: timedelta = KEPT
    ) -> None:
        """Brings what is counted of the occurrence to `tally`. Told again, it changes nothing; told with other numbers, the
        difference is counted. Raises `Changed` where too many others count the same at once."""
        for turn in range(_TRIES):
            try:
                return self._count(tenant, row_id, happened_at, tally, about, kept)
            except Changed:
                if turn == _TRIES - 1:
                    raise

    def _count(
        self, tenant: str, row_id: str, happened_at: datetime, tally: Tally, about: dict[str, str], kept: timedelta
    ) -> None:
        now, held = self._store.clock(), self._store.get(UsageRow, tenant, row_id)
        more = tally.beyond(held.tally if held else Tally())
        if not more:
            return
        batch = self._store.batch()
        if held is None:
            self.count_in(batch, tenant, row_id, happened_at, tally, about, kept)
        else:
            counted: dict[str, Any] = {"metrics": tally.metrics, "models": tally.models, "credentials": tally.credentials}
            batch.change(held, metric_types=sorted(tally.metrics), **counted)
            self._add(batch, tenant, row_id, held.happened_at, more, now)
        batch.commit()

    def count_in(
        self,
        batch: Batch,
        tenant: str,
        row_id: str,
        happened_at: datetime,
        tally: Tally,
        about: dict[str, str],
        kept: timedelta = KEPT,
    ) -> None:
        """Adds an occurrence that nobody has counted yet to a commit; where somebody has, that commit fails with `Changed`."""
        now = self._store.clock()
        row = UsageRow(created_at=now, updated_at=now, tenant=tenant, row_id=row_id, happened_at=happened_at, about=about)
        row.metric_types, row.expires_at = sorted(tally.metrics), happened_at + kept
        row.metrics, row.models, row.credentials = tally.metrics, tally.models, tally.credentials
        batch.create(row)
        self._add(batch, tenant, row_id, happened_at, tally, now)

    def _add(self, batch: Batch, tenant: str, row_id: str, happened_at: datetime, more: Tally, now: datetime) -> None:
        added: dict[str, Any] = {"metrics": more.metrics, "models": more.models, "credentials": more.credentials}
        for slot in slots_of(happened_at, row_id):
            batch.add(UsagePeriod(created_at=now, updated_at=now, tenant=tenant, slot=slot), **added)

    def is_counted(self, tenant: str, row_id: str) -> bool:
        return self._store.get(UsageRow, tenant, row_id) is not None

    def of_periods(self, tenant: str, periods: Iterable[str]) -> dict[str, Tally]:
        """By period (`2026-11` or `2026-11-21`), those in which anything was counted."""
        wanted = [(tenant, slot) for period in periods for slot in shards_of(period)]
        found: dict[str, Tally] = {}
        for document in self._store.get_all(UsagePeriod, wanted):
            found.setdefault(document.slot.rpartition("_")[0], Tally()).add(document.tally)
        return found

    def rows(
        self, tenant: str, *, metric: Metric | None, since: datetime | None, until: datetime | None, limit: int
    ) -> list[UsageRow]:
        """Newest first."""
        query = self._store.collection(UsageRow, tenant).order_by("happened_at", direction="DESCENDING")
        if metric is not None:
            query = query.where(filter=FieldFilter("metric_types", "array_contains", metric.value))
        if since is not None:
            query = query.where(filter=FieldFilter("happened_at", ">=", since))
        if until is not None:
            query = query.where(filter=FieldFilter("happened_at", "<=", until))
        return list(self._store.stream(UsageRow, query.limit(limit)))

    def stored_bytes(self, tenant: str) -> int:
        """Of the media that are not deleted, summed by the database."""
        living = self._store.collection(Video, tenant).where(filter=FieldFilter("deleted_at", "==", None))
        return int(living.sum("size_bytes").get()[0][0].value or 0)
