"""The birth of a media item: its row and its `media.created` event, in one commit."""

from typing import TYPE_CHECKING

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.events import EventType
from shared.domain.media import Video
from shared.messaging.topics import Topics
from shared.objects.buckets import ObjectInfo
from shared.store.documents import Changed, Store
from shared.store.events import record_media

if TYPE_CHECKING:
    from shared.media.probe import MediaInfo

MOST_ALIKE = 50  # looked at when an item of the same content is sought


def register(
    store: Store,
    topics: Topics,
    *,
    tenant: str,
    video_id: str,
    user_id: str,
    title: str,
    index_id: str,
    stored: ObjectInfo,
    info: "MediaInfo",
    source_connector_id: str = "",
) -> Video:
    """Writes the row of a stored object, or returns the one that a second telling of it finds there."""
    now = store.clock()
    video = Video(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        video_id=video_id,
        user_id=user_id,
        title=title,
        video_uri=stored.uri,
        index_id=index_id,
        media_type=info.media_type,  # type: ignore[arg-type]
        mime_type=info.mime_type,
        generation=stored.generation,
        size_bytes=stored.size,
        checksum=stored.checksum,
        duplicate_of=_same_content(store, tenant, video_id, index_id, stored),
        duration_seconds=round(info.duration, 3),
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        has_video=info.has_video,
        source_connector_id=source_connector_id,
    )
    batch = store.batch()
    batch.create(video)
    fact = record_media(store, batch, EventType.MEDIA_CREATED, video, occurrence="created", status=video.status)
    try:
        batch.commit()
    except Changed:
        return store.get(Video, tenant, video_id) or video
    topics.publish(fact)
    return video


def _same_content(store: Store, tenant: str, video_id: str, index_id: str, stored: ObjectInfo) -> str:
    """The oldest item of the index with this very content: it is told of, never put in the new one's place."""
    if not stored.checksum:
        return ""
    query = store.collection(Video, tenant)
    for name, value in (("checksum", stored.checksum), ("index_id", index_id), ("deleted_at", None)):
        query = query.where(filter=FieldFilter(name, "==", value))
    alike = [one for one in store.stream(Video, query.limit(MOST_ALIKE)) if one.size_bytes == stored.size]
    oldest = min((one for one in alike if one.video_id != video_id), key=lambda one: one.created_at, default=None)
    return "" if oldest is None else oldest.video_id
