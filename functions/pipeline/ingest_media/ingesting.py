"""What a stored original makes of itself: a media item, if there is none yet, and its poster picture.

An upload through the API has its row already; an object that a signed upload session finished gets it here, from the metadata
the session was opened with.
"""

from dataclasses import dataclass

from shared import logging
from shared.domain.media import Index, Video
from shared.media.opener import UnreadableMedia
from shared.media.pictures import open_image, pictures_at, thumbnail
from shared.media.probe import probe
from shared.messaging.messages import MediaStored
from shared.messaging.topics import Topics
from shared.objects.buckets import NoSuchObject, ObjectInfo, Objects
from shared.store.documents import Store
from shared.store.registration import register

POSTER_AT = 0.1  # of the duration: past a black lead-in, still the beginning


@dataclass(frozen=True)
class Deps:
    store: Store
    topics: Topics
    objects: Objects


def ingest_media(message: MediaStored, deps: Deps) -> None:
    owner = message.owner()
    if owner is None or message.bucket != deps.objects.originals:
        return
    tenant, video_id = owner
    uri = f"gs://{message.bucket}/{message.name}"
    try:
        stored = deps.objects.stat(uri)
    except NoSuchObject:
        return  # deleted meanwhile
    if stored.generation != message.generation:
        return  # replaced meanwhile: that generation has its own message
    video = deps.store.get(Video, tenant, video_id)
    if video is not None and video.deleted_at is not None:
        deps.objects.delete_below(message.bucket, message.name)
        return
    try:
        if video is None:
            video = _register(tenant, video_id, stored, deps)
        if video is not None and not video.thumbnail_uri and video.generation == stored.generation:
            _add_poster(video, stored, deps)
    except UnreadableMedia as error:
        _refuse(tenant, video_id, stored, error, deps)


def _register(tenant: str, video_id: str, stored: ObjectInfo, deps: Deps) -> Video | None:
    """Makes the row of a finished upload session. Without the session's metadata the object is nobody's: it is removed."""
    user_id, index_id = stored.metadata.get("user_id", ""), stored.metadata.get("index_id", "")
    if not user_id:
        logging.warning("an original without an owner was removed", video_id=video_id)
        deps.objects.delete_below(deps.objects.originals, f"media/{tenant}/{video_id}/")
        return None
    index = deps.store.get(Index, tenant, index_id) if index_id else None
    if index_id and (index is None or index.deleted_at is not None):
        deps.objects.delete_below(deps.objects.originals, f"media/{tenant}/{video_id}/")
        return None
    return register(
        deps.store,
        deps.topics,
        tenant=tenant,
        video_id=video_id,
        user_id=user_id,
        title=stored.metadata.get("title", "") or video_id,
        index_id=index_id,
        stored=stored,
        info=probe(deps.objects.open(stored)),
    )


def _add_poster(video: Video, stored: ObjectInfo, deps: Deps) -> None:
    """One picture that stands for the item; audio has none."""
    if not video.has_video and video.media_type != "image":
        return
    source = deps.objects.open(stored)
    still = video.media_type == "image"
    picture = open_image(source) if still else pictures_at(source, [video.duration_seconds * POSTER_AT])[0]
    if picture is None:
        return
    uri = deps.objects.put_derived(f"thumbs/{video.tenant}/{video.video_id}/poster.jpg", thumbnail(picture), "image/jpeg")
    batch = deps.store.batch()
    batch.raw_update(video, {"thumbnail_uri": uri})
    batch.commit()


def _refuse(tenant: str, video_id: str, stored: ObjectInfo, error: UnreadableMedia, deps: Deps) -> None:
    """What a session uploaded is no media: nothing of it stays. A row made by the API keeps its item: its head was readable."""
    logging.warning("stored object refused", tenant=tenant, video_id=video_id, code=error.code)
    if deps.store.get(Video, tenant, video_id) is None:
        deps.objects.delete_below(deps.objects.originals, f"media/{tenant}/{video_id}/")
