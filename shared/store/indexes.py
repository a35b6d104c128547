"""Indexes of a tenant, and the shared default ones that everybody reads."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Index
from shared.domain.sharing import SHARED_TENANT
from shared.store.documents import Store

MAX_LISTED = 1_000


class Indexes:
    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, tenant: str, index_id: str) -> Index | None:
        """The tenant's own or a default one, unless deleted. Its `tenant` says below which its media live."""
        index = self._store.get(Index, tenant, index_id) or self._store.get(Index, SHARED_TENANT, index_id)
        return index if index is not None and index.deleted_at is None else None

    def get(self, tenant: str, index_id: str) -> Index:
        """Raises INDEX_NOT_FOUND."""
        index = self.find(tenant, index_id)
        if index is None:
            raise index_not_found(index_id)
        return index

    def own(self, tenant: str, index_id: str) -> Index:
        """One the tenant may change: a default one is refused with READ_ONLY_DEFAULT."""
        index = self.get(tenant, index_id)
        if index.tenant != tenant:
            raise ApiError(ErrorCode.READ_ONLY_DEFAULT, "default indexes cannot be changed")
        return index

    def all(self, tenant: str, *, include_defaults: bool) -> list[Index]:
        """Newest first, the defaults behind the tenant's own; at most 1,000 of each."""
        found = self._of(tenant)
        return found + self._of(SHARED_TENANT) if include_defaults else found

    def _of(self, tenant: str) -> list[Index]:
        query = self._store.collection(Index, tenant).where(filter=FieldFilter("deleted_at", "==", None))
        query = query.order_by("created_at", direction="DESCENDING").limit(MAX_LISTED)
        return list(self._store.stream(Index, query))


def index_not_found(index_id: str) -> ApiError:
    return ApiError(ErrorCode.INDEX_NOT_FOUND, "there is no such index")
