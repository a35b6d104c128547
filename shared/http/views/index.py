"""An index on the wire."""

from typing import Any

from shared.domain.clock import wire_time
from shared.domain.media import Index
from shared.domain.sharing import SHARED_TENANT


def index_view(index: Index) -> dict[str, Any]:
    return {
        "index_id": index.index_id,
        "name": index.name,
        "description": index.description,
        "user_id": index.user_id,
        "sort_order": None,
        "is_default": index.tenant == SHARED_TENANT,
        "created_at": wire_time(index.created_at),
        "updated_at": wire_time(index.updated_at),
        "marker": {},
    }
