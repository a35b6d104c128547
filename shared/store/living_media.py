"""Media rows of a run whose items are still there."""

from collections.abc import Iterable, Iterator

from shared.domain.batches import batched
from shared.domain.media import Index, Video
from shared.domain.runs import RunMedia
from shared.store.documents import Store

AT_ONCE = 100  # items looked up together


def living_media(rows: Iterable[RunMedia], store: Store) -> Iterator[tuple[RunMedia, Video]]:
    """Each row with its item, unless the item or its index is deleted."""
    for page in batched(rows, AT_ONCE):
        tenant = page[0].tenant
        videos = {v.video_id: v for v in store.get_all(Video, [(tenant, m.video_id) for m in page]) if v.deleted_at is None}
        alive = living_indexes(tenant, {video.index_id for video in videos.values()}, store)
        for media in page:
            video = videos.get(media.video_id)
            if video is not None and (not video.index_id or video.index_id in alive):
                yield media, video


def living_indexes(tenant: str, index_ids: set[str], store: Store) -> set[str]:
    """Those of a tenant's own indexes that are not deleted."""
    found = store.get_all(Index, [(tenant, one) for one in index_ids if one])
    return {index.index_id for index in found if index.deleted_at is None}
