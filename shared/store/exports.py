"""Exports of a tenant, and the asking for one."""

from datetime import timedelta

from shared.domain.batches import batched
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.exports import Export, ExportFormat, ExportState
from shared.domain.media import Index
from shared.domain.runs import Run
from shared.messaging.messages import BuildExport
from shared.messaging.queues import Queues
from shared.store.documents import Store

WAKE_AFTER = timedelta(seconds=60)
_PAGE = 100


class Exports:
    """An export is there as long as its target is: with a deleted index its exports are gone at once, for every reader."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, tenant: str, export_id: str) -> Export:
        """Raises EXPORT_NOT_FOUND."""
        export = self._store.get(Export, tenant, export_id)
        if export is None or not self._of_living_targets([export]):
            raise ApiError(ErrorCode.EXPORT_NOT_FOUND, "there is no such export")
        return export

    def newest(self, tenant: str, *, limit: int) -> list[Export]:
        query = self._store.collection(Export, tenant).order_by("created_at", direction="DESCENDING")
        found: list[Export] = []
        for page in batched(self._store.stream(Export, query), _PAGE):
            found += self._of_living_targets(list(page))
            if len(found) >= limit:
                break
        return found[:limit]

    def _of_living_targets(self, exports: list[Export]) -> list[Export]:
        tenant = exports[0].tenant
        wanted: dict[str, set[str]] = {"index": set(), "prompt_run": set()}
        for export in exports:
            wanted[export.export_type].add(export.target_id)
        indexes = self._store.get_all(Index, [(tenant, one) for one in wanted["index"]])
        runs = self._store.get_all(Run, [(tenant, one) for one in wanted["prompt_run"]])
        alive = {one.index_id for one in indexes if one.deleted_at is None}
        alive |= {one.run_id for one in runs if one.deleted_at is None and self._touches_anything(one)}
        return [export for export in exports if export.target_id in alive]

    def _touches_anything(self, run: Run) -> bool:
        """Whether an index that the run went over is still there; the playground always is."""
        if not run.index_ids or "" in run.index_ids:
            return True
        indexes = self._store.get_all(Index, [(run.tenant, one) for one in run.index_ids])
        return any(index.deleted_at is None for index in indexes)


def new_export(
    store: Store, *, tenant: str, export_id: str, user_id: str, file_format: ExportFormat = "json", **asked: object
) -> Export:
    """Not stored yet; `asked` are fields of `Export` that tell what and whereto."""
    now = store.clock()
    return Export(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        export_id=export_id,
        user_id=user_id,
        file_format=file_format,
        status=ExportState.PENDING,
        available_at=now,
        wake_at=now + WAKE_AFTER,
        **asked,  # type: ignore[arg-type]
    )


def send_export(queues: Queues, export: Export) -> None:
    queues.send(BuildExport(tenant=export.tenant, export_id=export.export_id), slot="asked")
