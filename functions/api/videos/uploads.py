"""Media coming in: an upload through the API, or an object that is in Cloud Storage already.

Content is judged before anything is stored, so that a file that is no media leaves nothing behind.
"""

from typing import TYPE_CHECKING, Any

from functions.api.videos.deps import Deps
from functions.api.videos.fetching import fetch
from functions.api.videos.schemas import RegisterBody, UploadForm
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.media import Video
from shared.http.call import Call
from shared.http.views.import_job import import_job_view
from shared.http.views.video import video_view
from shared.objects.buckets import NoSuchObject, ObjectInfo, original_name, split_uri
from shared.store.imports import record_upload
from shared.store.registration import register

if TYPE_CHECKING:
    from shared.media.probe import MediaInfo

_UPLOADED = "Uploaded. Execute a prompt to process it."
_ALIKE = " The index holds the same file already, as {}."
_REFUSED_AS = {"unsupported_media": ErrorCode.UNSUPPORTED_MEDIA, "media_too_large": ErrorCode.PAYLOAD_TOO_LARGE}


def upload(call: Call[None], deps: Deps) -> dict[str, Any]:
    """Upload a video, audio file or image"""
    form: UploadForm = call.form
    if form.index_id:
        deps.indexes.own(call.tenant, form.index_id)
    file = call.file()
    info = _judge(file.stream)
    video_id = call.new_id("video")
    stored = _stored_before(call, video_id, deps) or deps.objects.put_original(
        call.tenant,
        video_id,
        file.stream,
        info.mime_type,
        {"user_id": call.caller.user_id, "index_id": form.index_id, "title": form.title},
    )
    video = _register(call, video_id, form.title, form.index_id, stored, info, deps)
    job = record_upload(deps.store, video, call.new_id("import_job"), file.filename)
    return {
        **import_job_view(job),
        "video_id": video.video_id,
        "title": video.title,
        "video_uri": video.video_uri,
        "message": _UPLOADED + (_ALIKE.format(video.duplicate_of) if video.duplicate_of else ""),
        "media_type": video.media_type,
        "duration_seconds": video.duration_seconds,
        "thumbnail_gcs_uri": video.thumbnail_uri or None,
        "thumbnail_uri": None,
        "thumbnail_available": bool(video.thumbnail_uri),
        "checksum": video.checksum or None,
        "duplicate_of": video.duplicate_of or None,
    }


def register_uri(call: Call[RegisterBody], deps: Deps) -> dict[str, Any]:
    """Register media from an existing gs:// URI"""
    body = call.body
    deps.indexes.own(call.tenant, body.index_id)
    if body.source_connector_id:
        return _register_from_connector(call, body.source_connector_id, deps)
    try:
        bucket, name = split_uri(body.video_uri)
    except ValueError as error:
        raise invalid("video_uri", str(error)) from error
    ours = bucket in (deps.objects.originals, deps.objects.derived)
    if ours and not (bucket == deps.objects.originals and name.startswith(f"media/{call.tenant}/")):
        raise _not_readable()
    try:
        stored = deps.objects.stat(body.video_uri)
        info = _judge(deps.objects.open(stored))
    except NoSuchObject as error:
        raise _not_readable() from error
    video = _register(call, call.new_id("video"), body.title, body.index_id, stored, info, deps)
    job = record_upload(deps.store, video, call.new_id("import_job"), name)
    return {**import_job_view(job), **video_view(video)}


def _register_from_connector(call: Call[RegisterBody], connector_id: str, deps: Deps) -> dict[str, Any]:
    """The item is of a copy: what becomes of the connector, or of the object behind it, is no matter any more."""
    body = call.body
    connector = deps.connectors.get(call.tenant, connector_id)
    video_id = call.new_id("video")
    metadata = {"user_id": call.caller.user_id, "index_id": body.index_id, "title": body.title}
    path, stored, info = fetch(deps.objects, deps.opener, connector, body.video_uri, video_id, metadata, _judge)
    video = _register(call, video_id, body.title, body.index_id, stored, info, deps, connector_id)
    job = record_upload(deps.store, video, call.new_id("import_job"), path)
    return {**import_job_view(job), **video_view(video)}


def _judge(source: Any) -> "MediaInfo":
    from shared.media.opener import UnreadableMedia  # the other calls of this family start sooner without what reads media
    from shared.media.probe import probe

    try:
        return probe(source)
    except UnreadableMedia as error:
        code = _REFUSED_AS.get(error.code, ErrorCode.UNREADABLE_MEDIA)
        raise ApiError(code, str(error), details={"reason": error.code}) from error


def _stored_before(call: Call[None], video_id: str, deps: Deps) -> ObjectInfo | None:
    """What an attempt of the same request that died stored already."""
    if not call.resumed:
        return None
    try:
        return deps.objects.stat(f"gs://{deps.objects.originals}/{original_name(call.tenant, video_id)}")
    except NoSuchObject:
        return None


def _register(
    call: Call,
    video_id: str,
    title: str,
    index_id: str,
    stored: ObjectInfo,
    info: "MediaInfo",
    deps: Deps,
    source_connector_id: str = "",
) -> Video:
    return register(
        deps.store,
        deps.topics,
        tenant=call.tenant,
        video_id=video_id,
        user_id=call.caller.user_id,
        title=title,
        index_id=index_id,
        stored=stored,
        info=info,
        source_connector_id=source_connector_id,
    )


def _not_readable() -> ApiError:
    return invalid("video_uri", "no such object, or not readable from here; a private one needs source_connector_id")
