"""Media that was deleted while somebody worked on it.

The purge comes after every lease, but a worker that stood still past its own comes after the purge. Rows it cannot write any
more, they are fenced; objects, vectors and the log of model calls know no fence, so it takes away what it wrote of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.media import Video
from shared.domain.runs import LlmCall
from shared.objects.buckets import Objects
from shared.store.documents import Store

DERIVED = ("thumbs", "gif", "audio", "blobs")  # folders that have one of each item


def forget_derived(tenant: str, video_id: str, objects: Objects) -> None:
    """Deletes all objects made of an item; those that are gone already are no error."""
    for kind in DERIVED:
        objects.delete_below(objects.derived, f"{kind}/{tenant}/{video_id}/")


def forget_calls(tenant: str, field: str, value: str, store: Store) -> None:
    """Deletes what was written down of all calls of a model about an item (`video_id`) or a run (`run_id`)."""
    store.delete_all(LlmCall, store.collection(LlmCall, tenant).where(filter=FieldFilter(field, "==", value)))


@contextmanager
def undone_if_deleted(tenant: str, video_id: str, store: Store, undo: Callable[[], None]) -> Iterator[None]:
    """Calls `undo` where the block fails and the item turns out to be deleted; the failure goes on either way."""
    try:
        yield
    except Exception:
        video = store.get(Video, tenant, video_id)
        if video is None or video.deleted_at is not None:
            undo()
        raise
