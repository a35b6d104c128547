"""What is written to documents, judged by what they were before.

One that is at its end stays as it is: its `status` is terminal and nothing wakes it any more.
A user's wish to have something done again opens it anew; from then on it is at work until its next end.
"""

from typing import Any

from shared.domain.chat import TurnStatus
from shared.domain.exports import ExportState
from shared.domain.imports import FileStatus, ImportStatus
from shared.domain.runs import MediaState, RunStatus, SegmentState
from shared.domain.webhooks import ENDED

_ALWAYS = {"updated_at", "version"}
_FILE_ENDS = {FileStatus.IMPORTED, FileStatus.FAILED, FileStatus.SKIPPED, FileStatus.CANCELLED}
_ITEM_ENDS = {MediaState.COMPLETED, MediaState.PARTIAL, MediaState.FAILED, MediaState.CANCELLED}
_ROW_ENDS = {SegmentState.SUCCESSFUL, SegmentState.FAILED, SegmentState.CANCELLED}

# By the collections of the path: which states are ends, which fields change after them, and which tells that it is at work anew.
ENDS: dict[str, tuple[set[str], set[str], str]] = {
    "tenants/runs": ({str(one) for one in RunStatus if one.is_terminal}, {"deleted_at"}, "mending"),
    "tenants/runs/media": ({str(one) for one in _ITEM_ENDS}, set(), "mends"),
    "tenants/runs/media/results": ({str(one) for one in _ROW_ENDS}, set(), "retry_id"),
    "tenants/import_jobs": ({str(one) for one in ImportStatus if one.is_terminal}, {"execution"}, "round"),
    "tenants/import_jobs/files": ({str(one) for one in _FILE_ENDS}, set(), "open"),
    "tenants/exports": ({str(one) for one in ExportState if one.is_terminal}, set(), ""),
    "tenants/deliveries": ({str(one) for one in ENDED}, set(), "series"),
    "tenants/sessions/turns": ({str(one) for one in TurnStatus if one.is_terminal}, set(), ""),
}


def changed_after_its_end(path: str, before: Any, after: Any) -> list[str]:
    """Names of the fields that must not have changed."""
    ends, may_change, anew = ENDS.get("/".join(path.split("/")[0::2]), (set(), set(), ""))
    if "status" not in before or before["status"].string_value not in ends or _set(before, "wake_at"):
        return []
    if anew and (before[anew].string_value or _text(before, anew) != _text(after, anew)):
        return []
    names = {*before, *after} - _ALWAYS - may_change
    return sorted(name for name in names if _text(before, name) != _text(after, name))


def taken_though_held(before: Any, after: Any, now: float) -> bool:
    """Whether a worker took what another one held: the number of attempts rose while a lease was running."""
    held = _set(before, "lease_until") and before["lease_until"].timestamp_value.ToNanoseconds() / 1e9 > now
    return held and _text(before, "attempt") != _text(after, "attempt")


def _set(fields: Any, name: str) -> bool:
    return name in fields and fields[name].WhichOneof("value_type") != "null_value"


def _text(fields: Any, name: str) -> str:
    return str(fields[name]) if name in fields else ""
