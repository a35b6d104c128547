"""Markers: a colour and a note that a user puts on a prompt, a run, a media item, a segment or one extracted field."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shared.domain.documents import Document, json_field
from shared.domain.ids import derived_id

MOST_FIELDS = 100  # marked fields of one target; all of them stand in one document
WHOLE = ""  # the field path of a marker on the target itself


@dataclass(kw_only=True)
class MarkedTarget(Document):
    """All markers of one target, so that a page of targets costs one read.

    `marks` has by field path (`WHOLE` for the target itself) `{marker_id, target_type, color, note, user_id, updated_at}`, the
    time as on the wire. A target in a run is another one than the same outside of it.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/markers/{target_key}"

    tenant: str
    target_key: str
    target_id: str
    run_id: str = ""
    video_id: str = ""  # the item it goes away with
    marks: dict[str, dict[str, str]] = json_field()
    marker_ids: list[str] = field(default_factory=list)


def target_key(target_id: str, run_id: str) -> str:
    return derived_id("marker", target_id, run_id)


def marker_id(target_id: str, run_id: str, field_path: str) -> str:
    """One place has one marker: putting another replaces it."""
    return derived_id("marker", target_id, run_id, field_path)


class Marks:
    """The markers of some targets, in hand."""

    def __init__(self, targets: Iterable[MarkedTarget] = ()) -> None:
        self._by_target = {(target.target_id, target.run_id): target.marks for target in targets}

    def whole(self, target_id: str, run_id: str = "") -> dict[str, Any]:
        """The API's MarkerInfo of the target; one put on it within the run goes before one put on it at all."""
        for run in (run_id, ""):
            mark = self._by_target.get((target_id, run), {}).get(WHOLE)
            if mark is not None:
                return _info(mark)
        return {}

    def fields(self, target_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """MarkerInfo by field path, of the fields that the run extracted from the target."""
        marks = self._by_target.get((target_id, run_id), {})
        return {path: _info(mark) for path, mark in marks.items() if path != WHOLE}


NO_MARKS = Marks()


def _info(mark: dict[str, str]) -> dict[str, Any]:
    return {name: mark[name] for name in ("marker_id", "color", "note", "updated_at")}
