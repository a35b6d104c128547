"""Pictures of media as bytes, for pages and players that can send a credential but not follow a foreign address."""

from functions.api.videos.deps import Deps
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Segment, SegmentPlace
from shared.domain.subtitles import sprite_vtt
from shared.http.call import Call
from shared.http.request import Response
from shared.objects.buckets import NoSuchObject

_CACHED = {"Cache-Control": "private, max-age=3600"}


def gif(call: Call[None], deps: Deps, video_id: str) -> Response:
    """Retrieve a short looping preview of a media item as image/gif"""
    return _picture(deps.videos.get(call.tenant, video_id).gif_uri, "image/gif", deps)


def sprite(call: Call[None], deps: Deps, video_id: str) -> Response:
    """Retrieve the sheet of small pictures of a film, for scrubbing, as image/jpeg"""
    return _picture(deps.videos.get(call.tenant, video_id).sprite_uri, "image/jpeg", deps)


def sprite_index(call: Call[None], deps: Deps, video_id: str) -> Response:
    """Retrieve where on the sheet each moment of a film is found, as WebVTT"""
    video = deps.videos.get(call.tenant, video_id)
    if not video.sprite_uri:
        raise _no_preview()
    address = deps.objects.signed_url(video.sprite_uri)  # a player loads it without a credential
    text = sprite_vtt(video.sprite, video.duration_seconds, address)
    return Response(200, {"Content-Type": "text/vtt; charset=utf-8"}, text.encode())


def segment_thumbnail(call: Call[None], deps: Deps, segment_id: str) -> Response:
    """Retrieve the picture of a segment as image/jpeg"""
    place = deps.store.get(SegmentPlace, call.tenant, segment_id)
    segment = None
    if place is not None and deps.videos.get_many(call.tenant, [place.video_id]):
        segment = deps.store.get(Segment, call.tenant, place.video_id, place.cut_id, place.segment_id)
    if segment is None:
        raise ApiError(ErrorCode.SEGMENT_NOT_FOUND, "there is no such segment")
    return _picture(segment.thumbnail_uri, "image/jpeg", deps)


def _picture(uri: str, content_type: str, deps: Deps) -> Response:
    if not uri:
        raise _no_preview()
    try:
        return Response(200, {"Content-Type": content_type, **_CACHED}, deps.objects.read(uri))
    except NoSuchObject as error:
        raise _no_preview() from error


def _no_preview() -> ApiError:
    return ApiError(ErrorCode.PREVIEW_NOT_FOUND, "there is no such picture of this media, or not yet")
