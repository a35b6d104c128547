"""What imports remember of files they have seen goes with the index or the connector it is about."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.batches import batched
from shared.domain.imports import SeenFile
from shared.store.documents import MAX_BATCH, Store


def forget_seen(tenant: str, field: str, value: str, store: Store) -> None:
    """Those whose `field`, index_id or connector_id, has this value."""
    seen = store.collection(SeenFile, tenant).where(filter=FieldFilter(field, "==", value))
    for page in batched(store.stream(SeenFile, seen), MAX_BATCH):
        batch = store.batch()
        for one in page:
            batch.delete(one)
        batch.commit()
