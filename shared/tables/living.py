"""What was deleted since tables were built: left out by every reader, so that a deletion is true at once.

Deletions are rows that stay, with the time they were asked for; a process remembers those it has seen and asks only for newer
ones.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.ids import is_id
from shared.domain.media import Deletion
from shared.domain.tables import RunTables
from shared.store.documents import Store

SKEW = timedelta(minutes=2)  # between the clocks of instances that write and read
KEPT_TENANTS = 500


@dataclass
class _Known:
    since: datetime
    newest: datetime
    video_ids: dict[str, datetime] = field(default_factory=dict)  # and when each was deleted


class Deletions:
    """The feed of deletions by tenant; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def since(self, tenant: str, tables: Iterable[RunTables]) -> set[str]:
        """Ids of the media items deleted since the oldest of the tables was read. Those of a deleted index follow it one by one,
        so a reader looks at indexes itself."""
        starts = [one.built_from for one in tables if one.built_from is not None]
        if not starts:
            return set()
        oldest = min(starts) - SKEW
        with self._lock:
            known = self._known.get(tenant)
        if known is None or known.since > oldest:
            known = _Known(oldest, oldest)
        newer = self._read(tenant, known.newest - SKEW if known.video_ids else known.newest)
        with self._lock:
            for one in newer:
                if one.resource == "video" and is_id("video", one.resource_id):  # they go into SQL
                    known.video_ids[one.resource_id] = one.created_at
                known.newest = max(known.newest, one.created_at)
            self._known[tenant] = known
            self._known.move_to_end(tenant)
            while len(self._known) > KEPT_TENANTS:
                self._known.popitem(last=False)
            return {video_id for video_id, when in known.video_ids.items() if when >= oldest}

    def _read(self, tenant: str, after: datetime) -> list[Deletion]:
        query = self._store.collection(Deletion, tenant).where(filter=FieldFilter("created_at", ">=", after))
        return list(self._store.stream(Deletion, query.order_by("created_at")))
