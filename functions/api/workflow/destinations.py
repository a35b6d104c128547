"""Where media go: an index by its id, one by its name (made if there is none), or the playground."""

from typing import Any

from functions.api.workflow.schemas import Destination
from shared.calling.api import Calls, segment
from shared.domain.errors import ApiError, ErrorCode


def resolved(wanted: Destination, api: Calls) -> dict[str, Any]:
    """`{type, index_id, index_name, index_created}`. A name that no own index has makes one."""
    if wanted.index_id:
        return _place(api.get(f"/indexes/{segment(wanted.index_id)}"))
    if wanted.index_name is None:
        return {"type": "playground", "index_id": None, "index_name": None, "index_created": False}
    found = named(wanted.index_name, api)
    if found is not None:
        return _place(found)
    made = api.post("/indexes", {"name": wanted.index_name}, step="index")
    return {**_place(made), "index_created": True}


def existing(wanted: Destination, api: Calls) -> dict[str, Any]:
    """The index that is named or given by its id. Raises INDEX_NOT_FOUND."""
    if wanted.index_id:
        return api.get(f"/indexes/{segment(wanted.index_id)}")
    found = named(wanted.index_name or "", api)
    if found is None:
        raise ApiError(ErrorCode.INDEX_NOT_FOUND, "there is no index of this name")
    return found


def named(name: str, api: Calls) -> dict[str, Any] | None:
    """The caller's own of this name, the oldest if several have it; in any case of letters if none has it exactly."""
    own = [one for one in reversed(api.get("/indexes", include_defaults=False)) if not one["is_default"]]
    exactly = next((one for one in own if one["name"] == name), None)
    return exactly or next((one for one in own if one["name"].casefold() == name.casefold()), None)


def _place(index: dict[str, Any]) -> dict[str, Any]:
    return {"type": "index", "index_id": index["index_id"], "index_name": index["name"], "index_created": False}
