"""What imports remember of files they have seen goes with the index or the connector it is about."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.imports import SeenFile
from shared.store.documents import Store


def forget_seen(tenant: str, field: str, value: str, store: Store) -> None:
    """Those whose `field`, index_id or connector_id, has this value."""
    store.delete_all(SeenFile, store.collection(SeenFile, tenant).where(filter=FieldFilter(field, "==", value)))
