"""A deletion on the wire."""

from typing import Any

from shared.domain.media import Deletion

ASK_AGAIN_SECONDS = 2


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
