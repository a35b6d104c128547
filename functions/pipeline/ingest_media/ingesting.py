"""What a stored original makes of itself: a media item, if there is none yet, and its preview pictures.

An upload through the API has its row already; an object that a signed upload session finished gets it here, from the metadata
the session was opened with.
"""

from contextlib import suppress
from dataclasses import dataclass

from shared import logging
from shared.domain.events import EventType
from shared.domain.media import Deletion, Index, Video, deletion_id
from shared.domain.uploads import UploadSession, UploadState
from shared.media.opener import UnreadableMedia
from shared.media.probe import probe
from shared.messaging.messages import MediaStored
from shared.messaging.topics import Topics
from shared.objects.buckets import NoSuchObject, ObjectInfo, Objects
from shared.objects.previews import make_previews
from shared.store.documents import Changed, Store
from shared.store.events import record_media
from shared.store.registration import register
from shared.work.deleted import forget_derived


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
    video = deps.store.get(Video, tenant, video_id)
    if _is_deleted(tenant, video_id, video, deps):
        # An earlier attempt may have made pictures after the purge had looked for them.
        deps.objects.delete_below(message.bucket, message.name)
        forget_derived(tenant, video_id, deps.objects)
        return
    uri = f"gs://{message.bucket}/{message.name}"
    try:
        stored = deps.objects.stat(uri)
    except NoSuchObject:
        return  # deleted meanwhile
    if stored.generation != message.generation:
        return  # replaced meanwhile: that generation has its own message
    try:
        if video is None:
            video = _register(tenant, video_id, stored, deps)
        if video is None:
            return
        _mark_session(tenant, video_id, deps, status=UploadState.COMPLETED)
        if not video.gif_uri and video.generation == stored.generation:
            _add_previews(video, stored, deps)
    except UnreadableMedia as error:
        _refuse(tenant, video_id, stored, error, deps)


def _is_deleted(tenant: str, video_id: str, video: Video | None, deps: Deps) -> bool:
    """Also when its row is gone already: a late upload brings nothing back."""
    if video is not None:
        return video.deleted_at is not None
    return deps.store.get(Deletion, tenant, deletion_id("video", video_id)) is not None


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
        gone = {"error_code": "index_not_found", "error_message": "the index was deleted before the upload was finished"}
        _mark_session(tenant, video_id, deps, status=UploadState.REFUSED, **gone)
        return None
    session = deps.store.get(UploadSession, tenant, video_id)
    if session is not None and session.size_bytes not in (0, stored.size):
        announced = f"{session.size_bytes:,} bytes were announced, {stored.size:,} came."
        raise UnreadableMedia("truncated_media", announced)
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
        source_connector_id=stored.metadata.get("source_connector_id", ""),
    )


def _add_previews(video: Video, stored: ObjectInfo, deps: Deps) -> None:
    """Pictures that stand for the item; audio has none."""
    fields = make_previews(video, deps.objects.open(stored), deps.objects)
    if fields:
        batch = deps.store.batch()
        batch.raw_update(video, fields)
        try:
            batch.commit()
        except Changed:  # its row is gone: deleted, and purged before these pictures were there
            forget_derived(video.tenant, video.video_id, deps.objects)


def _refuse(tenant: str, video_id: str, stored: ObjectInfo, error: UnreadableMedia, deps: Deps) -> None:
    """What a session uploaded is no media: nothing of it stays, and its owner is told so.

    A row made by the API keeps its item: its head was readable.
    """
    logging.warning("stored object refused", tenant=tenant, video_id=video_id, code=error.code)
    if deps.store.get(Video, tenant, video_id) is not None:
        return
    _tell_refused(tenant, video_id, stored, error, deps)
    deps.objects.delete_below(deps.objects.originals, f"media/{tenant}/{video_id}/")


def _tell_refused(tenant: str, video_id: str, stored: ObjectInfo, error: UnreadableMedia, deps: Deps) -> None:
    """Before the object goes, so that a repeat after a crash in between tells it too."""
    now = deps.store.clock()
    kind = stored.content_type.split("/")[0]
    refused = Video(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        video_id=video_id,
        user_id=stored.metadata.get("user_id", ""),
        title=stored.metadata.get("title", "") or video_id,
        video_uri=stored.uri,
        index_id=stored.metadata.get("index_id", ""),
        media_type=kind if kind in ("audio", "image") else "video",  # type: ignore[arg-type]
    )
    batch = deps.store.batch()
    fact = record_media(
        deps.store,
        batch,
        EventType.MEDIA_PROCESSING_FAILED,
        refused,
        occurrence="refused",
        status="failed",
        error_code=error.code,
        error_message=str(error),
    )
    with suppress(Changed):  # told already
        batch.commit()
    deps.topics.publish(fact)
    _mark_session(tenant, video_id, deps, status=UploadState.REFUSED, error_code=error.code, error_message=str(error))


def _mark_session(tenant: str, video_id: str, deps: Deps, **values: str) -> None:
    """Lets the upload session, if it was one, tell how it ended."""
    session = deps.store.get(UploadSession, tenant, video_id)
    if session is None or session.status == values["status"]:
        return
    batch = deps.store.batch()
    batch.change(session, fenced=False, **values)
    with suppress(Changed):  # it ran out and was removed meanwhile
        batch.commit()
