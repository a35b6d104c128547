"""API keys. They lie outside of every tenant, so each read here filters by one."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.ids import is_id
from shared.domain.keys import ApiKey
from shared.store.documents import Batch, Store

MAX_LISTED = 1_000


class Keys:
    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, tenant: str) -> list[ApiKey]:
        """Newest first, revoked ones too."""
        query = self._store.collection(ApiKey).where(filter=FieldFilter("tenant", "==", tenant))
        query = query.order_by("created_at", direction="DESCENDING").limit(MAX_LISTED)
        return list(self._store.stream(ApiKey, query))

    def find(self, tenant: str, key_id: str) -> ApiKey | None:
        if not is_id("api_key", key_id):
            return None
        query = self._store.collection(ApiKey).where(filter=FieldFilter("tenant", "==", tenant))
        return self._store.first(ApiKey, query.where(filter=FieldFilter("key_id", "==", key_id)))

    def get(self, tenant: str, key_id: str) -> ApiKey:
        """Raises API_KEY_NOT_FOUND."""
        key = self.find(tenant, key_id)
        if key is None:
            raise ApiError(ErrorCode.API_KEY_NOT_FOUND, "there is no such API key")
        return key

    def revoke(self, batch: Batch, key: ApiKey) -> None:
        """Revoking is for ever, so no fence: the note of a key's last use must not get in its way."""
        if key.revoked_at is None:
            batch.change(key, fenced=False, revoked_at=self._store.clock())
