"""Prompt runs of a tenant."""

from collections.abc import Iterator

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.runs import Run
from shared.store.documents import Store
from shared.store.pages import Page, Pages


class Runs:
    def __init__(self, store: Store, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def get(self, tenant: str, run_id: str) -> Run:
        """Raises RUN_NOT_FOUND."""
        run = self._store.get(Run, tenant, run_id)
        if run is None or run.deleted_at is not None:
            raise ApiError(ErrorCode.RUN_NOT_FOUND, "there is no such prompt run")
        return run

    def get_many(self, tenant: str, run_ids: list[str]) -> list[Run]:
        """Those that are there, in the order asked for."""
        unique = list(dict.fromkeys(run_ids))
        found = {run.run_id: run for run in self._store.get_all(Run, [(tenant, one) for one in unique])}
        return [found[one] for one in unique if one in found and found[one].deleted_at is None]

    def newest(self, tenant: str, *, limit: int) -> list[Run]:
        query = self._store.collection(Run, tenant).where(filter=FieldFilter("deleted_at", "==", None))
        return list(self._store.stream(Run, query.order_by("created_at", direction="DESCENDING").limit(limit)))

    def touching_index(self, tenant: str, index_id: str) -> Iterator[Run]:
        """Every run over media of the index, newest first; read as far as it is asked for."""
        query = self._store.collection(Run, tenant).where(filter=FieldFilter("index_ids", "array_contains", index_id))
        runs = self._store.stream(Run, query.order_by("created_at", direction="DESCENDING"))
        return (run for run in runs if run.deleted_at is None)

    def page_for_index(self, tenant: str, index_id: str, *, limit: int, cursor: str | None) -> Page[Run]:
        """Runs that touch media of the index, newest first; `""` for those over the playground."""
        query = self._store.collection(Run, tenant).where(filter=FieldFilter("index_ids", "array_contains", index_id))
        return self._pages.page(
            Run,
            query,
            listing=f"runs/{tenant}/{index_id}",
            limit=limit,
            cursor=cursor,
            keep=lambda run: run.deleted_at is None,
        )
