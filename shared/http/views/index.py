"""An index on the wire."""

from typing import Any

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.media import Index
from shared.domain.sharing import SHARED_TENANT
from shared.http.answers import MarkerInfoAnswer, Moment


class IndexAnswer(TypedDict):
    index_id: str
    name: str
    description: str
    user_id: str
    sort_order: int | None
    is_default: bool
    created_at: Moment
    updated_at: Moment
    marker: MarkerInfoAnswer


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
