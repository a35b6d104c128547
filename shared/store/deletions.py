"""Deletions: hidden at once, removed by and by, asked after by the id of what was deleted."""

from datetime import timedelta
from typing import Any, Literal

from shared.domain.chat import ChatSession
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Deletion, Index, Video, deletion_id
from shared.messaging.messages import Purge
from shared.messaging.queues import Queues
from shared.store.documents import Changed, Store

WAKE_AFTER = timedelta(seconds=60)
ASK_AGAIN_SECONDS = 2


class Deletions:
    def __init__(self, store: Store, queues: Queues) -> None:
        self._store = store
        self._queues = queues

    def find(self, tenant: str, resource: str, resource_id: str) -> Deletion | None:
        return self._store.get(Deletion, tenant, deletion_id(resource, resource_id))

    def get(self, tenant: str, resource: str, resource_id: str) -> Deletion:
        """Raises DELETION_NOT_FOUND."""
        found = self.find(tenant, resource, resource_id)
        if found is None:
            raise ApiError(ErrorCode.DELETION_NOT_FOUND, f"no deletion of such {resource} was asked for")
        return found

    def start(self, target: Index | Video | ChatSession) -> Deletion:
        """Hides the resource and begins its removal in one commit; a second call finds the deletion of the first."""
        now = self._store.clock()
        resource, resource_id = _named(target)
        deletion = Deletion(
            created_at=now,
            updated_at=now,
            tenant=target.tenant,
            deletion_id=deletion_id(resource, resource_id),
            resource=resource,
            resource_id=resource_id,
            status="draining",
            wake_at=now + WAKE_AFTER,
        )
        batch = self._store.batch()
        batch.create(deletion)
        batch.change(target, fenced=False, deleted_at=now)  # whatever else changes it, it stays deleted
        try:
            batch.commit()
        except Changed:
            deletion = self.get(target.tenant, resource, resource_id)
        if deletion.status != "deleted":
            self._queues.send(Purge(tenant=deletion.tenant, deletion_id=deletion.deletion_id), slot="api")
        return deletion


def _named(target: Index | Video | ChatSession) -> tuple[Literal["index", "video", "session"], str]:
    if isinstance(target, Index):
        return "index", target.index_id
    return ("video", target.video_id) if isinstance(target, Video) else ("session", target.session_id)


def deletion_view(deletion: Deletion) -> dict[str, Any]:
    """The lifecycle as both DELETE and GET …/deletion tell it."""
    gone = deletion.status == "deleted"
    return {
        "message": f"The {deletion.resource} is deleted." if gone else f"The {deletion.resource} is being deleted.",
        f"{deletion.resource}_id": deletion.resource_id,
        "deletion_id": deletion.deletion_id,
        "status": deletion.status,
        "retry_after_seconds": None if gone else ASK_AGAIN_SECONDS,
    }
