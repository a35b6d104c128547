"""The two levels of a run's tables: its segments, and its media items as wholes where the prompt asks for that."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.domain.tables import RunTables
from shared.tables.layout import Layout

SEGMENTS = "segments"
WHOLE = "whole"


@dataclass(frozen=True)
class TableSet:
    segments: Layout
    whole: Layout

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TableSet":
        return cls(Layout.from_json(data.get(SEGMENTS, {})), Layout.from_json(data.get(WHOLE, {})))

    def to_json(self) -> dict[str, Any]:
        return {SEGMENTS: self.segments.to_json(), WHOLE: self.whole.to_json()}

    def levels(self) -> Iterator[tuple[str, Layout]]:
        """(physical name, layout); whole media items only where there is something to tell about them."""
        yield SEGMENTS, self.segments
        if self.whole.columns:
            yield WHOLE, self.whole


_KEPT = 1_000
_read: OrderedDict[tuple[str, str, int], TableSet] = OrderedDict()
_reading = threading.Lock()


def table_set(tables: RunTables) -> TableSet:
    """The layouts of the published version, which never change."""
    key = (tables.tenant, tables.run_id, tables.published)
    with _reading:
        if key in _read:
            _read.move_to_end(key)
            return _read[key]
    found = TableSet.from_json(tables.layout)
    with _reading:
        _read[key] = found
        while len(_read) > _KEPT:
            _read.popitem(last=False)
    return found
