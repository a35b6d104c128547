"""Connectors of a tenant."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.connectors import Connector
from shared.domain.errors import ApiError, ErrorCode
from shared.store.documents import Store

MOST_LISTED = 500
MOST_NAMED = 20


class Connectors:
    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, tenant: str, connector_id: str) -> Connector | None:
        """Unless it is deleted."""
        found = self._store.get(Connector, tenant, connector_id)
        return found if found is not None and found.deleted_at is None else None

    def get(self, tenant: str, connector_id: str) -> Connector:
        """Raises CONNECTOR_NOT_FOUND."""
        found = self.find(tenant, connector_id)
        if found is None:
            raise ApiError(ErrorCode.CONNECTOR_NOT_FOUND, "there is no such connector")
        return found

    def all(self, tenant: str) -> list[Connector]:
        """Newest first."""
        query = self._store.collection(Connector, tenant).where(filter=FieldFilter("deleted_at", "==", None))
        query = query.order_by("created_at", direction="DESCENDING").limit(MOST_LISTED)
        return list(self._store.stream(Connector, query))

    def used_by(self, tenant: str, connector_id: str) -> list[str]:
        """The automations that name it, as `import automation of idx_…`."""
        automations = self._store.db.collection(f"tenants/{tenant}/automations")
        found = []
        for field, kind in (("connector_id", "import"), ("destination_connector_id", "export")):
            query = automations.where(filter=FieldFilter(field, "==", connector_id)).limit(MOST_NAMED)
            found += [f"{kind} automation of {one.get('index_id') or one.id}" for one in query.stream()]
        return found
