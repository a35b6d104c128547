"""What was exported of an index or a run goes with it; files in a customer's own storage are the customer's."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.batches import batched
from shared.domain.exports import Export, exports_prefix
from shared.objects.buckets import Objects
from shared.store.documents import Store
from shared.work.outcomes import Throttled

AT_ONCE = 100
LOOK_AGAIN = 5.0  # seconds


def forget_exports(tenant: str, target_id: str, store: Store, objects: Objects) -> None:
    """Removes every export of the target with its files. Raises `Throttled` while a worker still writes one."""
    query = store.collection(Export, tenant).where(filter=FieldFilter("target_id", "==", target_id))
    for page in batched(store.stream(Export, query), AT_ONCE):
        batch = store.batch()
        for export in page:
            if export.lease_until is not None and export.lease_until > store.clock():
                raise Throttled(LOOK_AGAIN, "an export of it is still being written")
            objects.delete_below(objects.derived, exports_prefix(tenant, export.export_id))
            batch.delete(export, fenced=True)
        batch.commit()
