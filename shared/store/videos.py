"""Media items of a tenant."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Index, Video
from shared.store.documents import Store
from shared.store.pages import Page, Pages

PLAYGROUND = ""  # the index_id of media that belong to no index


class Videos:
    def __init__(self, store: Store, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def get(self, tenant: str, video_id: str) -> Video:
        """Raises VIDEO_NOT_FOUND, also for an item that is deleted or whose index is."""
        found = self.get_many(tenant, [video_id])
        if not found:
            raise video_not_found()
        return found[0]

    def get_many(self, tenant: str, video_ids: list[str]) -> list[Video]:
        """Those that are there, in the order asked for."""
        unique = list(dict.fromkeys(video_ids))
        videos = self._store.get_all(Video, [(tenant, one) for one in unique])
        alive = {v.video_id: v for v in self.in_living_indexes(tenant, [v for v in videos if v.deleted_at is None])}
        return [alive[one] for one in unique if one in alive]

    def in_living_indexes(self, tenant: str, videos: list[Video]) -> list[Video]:
        """Without those whose index is being deleted; they go one after the other behind it."""
        index_ids = {v.index_id for v in videos if v.index_id != PLAYGROUND}
        indexes = self._store.get_all(Index, [(tenant, one) for one in index_ids])
        alive = {index.index_id for index in indexes if index.deleted_at is None}
        return [v for v in videos if v.index_id == PLAYGROUND or v.index_id in alive]

    def page(self, tenant: str, index_id: str, *, limit: int, cursor: str | None) -> Page[Video]:
        """Media of an index, newest first; `PLAYGROUND` for those of none."""
        query = self._store.collection(Video, tenant).where(filter=FieldFilter("index_id", "==", index_id))
        query = query.where(filter=FieldFilter("deleted_at", "==", None))
        return self._pages.page(Video, query, listing=f"videos/{tenant}/{index_id}", limit=limit, cursor=cursor)


def video_not_found() -> ApiError:
    return ApiError(ErrorCode.VIDEO_NOT_FOUND, "there is no such media item")
