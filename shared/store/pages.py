"""Pages of a query in a stable total order, by signed cursors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from google.cloud.firestore_v1.base_query import BaseQuery

from shared.domain.cursors import Cursors
from shared.domain.documents import Document
from shared.store.codec import decode
from shared.store.documents import Store

D = TypeVar("D", bound=Document)

Direction = Literal["ASCENDING", "DESCENDING"]
NEWEST_FIRST: Sequence[tuple[str, Direction]] = (("created_at", "DESCENDING"),)


@dataclass(frozen=True)
class Page(Generic[D]):
    items: list[D]
    limit: int
    next_cursor: str | None

    def envelope(self, view: Callable[[D], dict[str, Any]]) -> dict[str, Any]:
        """As every paged listing answers."""
        return envelope([view(item) for item in self.items], self.limit, self.next_cursor)


def envelope(data: list[Any], limit: int, next_cursor: str | None) -> dict[str, Any]:
    return {
        "data": data,
        "pagination": {"limit": limit, "has_more": next_cursor is not None, "next_cursor": next_cursor},
    }


class Pages:
    """`listing` names the listing with its tenant and filters: its cursors are good for no other."""

    def __init__(self, store: Store, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    def page(
        self,
        cls: type[D],
        query: BaseQuery,
        *,
        listing: str,
        limit: int,
        cursor: str | None = None,
        order: Sequence[tuple[str, Direction]] = NEWEST_FIRST,
        keep: Callable[[D], bool] | None = None,
    ) -> Page[D]:
        """The document's name breaks ties, in the direction of the last field.

        One more than asked for is read to know whether there is more. `keep` drops documents that are stored but not to be
        shown (deleted ones); the page is filled up from behind them.
        """
        for name, direction in order:
            query = query.order_by(name, direction=direction)
        query = query.order_by("__name__", direction=order[-1][1])
        position = self._cursors.decode(listing, cursor) if cursor else None
        kept: list[tuple[D, list[Any]]] = []
        while True:
            wanted = limit + 1 - len(kept)
            some = query.limit(wanted) if position is None else query.start_after(self._values(position)).limit(wanted)
            snapshots = list(some.stream())
            for snapshot in snapshots:
                position = [*(snapshot.get(name) for name, _ in order), snapshot.reference.path]
                document = decode(cls, snapshot, self._store.blobs)
                if keep is None or keep(document):
                    kept.append((document, position))
            if len(kept) > limit or len(snapshots) < wanted:
                break
        more = len(kept) > limit
        kept = kept[:limit]
        return Page([one for one, _ in kept], limit, self._cursors.encode(listing, kept[-1][1]) if more else None)

    def _values(self, position: list[Any]) -> list[Any]:
        return [*position[:-1], self._store.db.document(position[-1])]
