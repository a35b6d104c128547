"""The birth of a media item: its row and its `media.created` event, in one commit."""

from shared.domain.events import EventType
from shared.domain.media import Video
from shared.media.probe import MediaInfo
from shared.messaging.topics import Topics
from shared.objects.buckets import ObjectInfo
from shared.store.documents import Changed, Store
from shared.store.events import record_media


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
    info: MediaInfo,
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
