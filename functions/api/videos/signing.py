"""Signed addresses for stored objects that a resource of the caller carries, and for no others."""

import re
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.videos.deps import Deps
from functions.api.videos.schemas import SignBody
from shared.domain.clock import wire_time
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.media import Segment, SegmentPlace, Video
from shared.http.call import Call
from shared.objects.buckets import SIGNED_FOR, split_uri

MOST_ITEMS = 20  # media made from one and the same foreign object, looked at for one that is still there
_DERIVED = re.compile(r"^(?:thumbs|gif)/([^/]+)/(vid_[0-9a-z]{26})/([a-z0-9_]+)\.(?:jpg|gif)$")


def sign(call: Call[SignBody], deps: Deps) -> dict[str, Any]:
    """Exchange the gs:// URI of one of the caller's objects for a signed URL that reads it for 15 minutes"""
    uri = call.body.gcs_uri
    try:
        bucket, name = split_uri(uri)
    except ValueError as error:
        raise invalid("gcs_uri", str(error)) from error
    owned = _derived(call.tenant, name, deps) if bucket == deps.objects.derived else _originals(call.tenant, uri, deps)
    # What is signed is the address that the caller's own row carries, not the one that was sent.
    if uri not in owned:
        raise ApiError(ErrorCode.OBJECT_NOT_FOUND, "there is no such object of yours")
    expires = deps.store.clock() + SIGNED_FOR
    return {"signed_url": deps.objects.signed_url(owned[owned.index(uri)], fresh=True), "expires_at": wire_time(expires)}


def _originals(tenant: str, uri: str, deps: Deps) -> list[str]:
    query = deps.store.collection(Video, tenant).where(filter=FieldFilter("video_uri", "==", uri)).limit(MOST_ITEMS)
    videos = [video for video in deps.store.stream(Video, query) if video.deleted_at is None]
    return [video.video_uri for video in deps.videos.in_living_indexes(tenant, videos)]


def _derived(tenant: str, name: str, deps: Deps) -> list[str]:
    """The pictures of the item that the name speaks of, and of its segment if it speaks of one."""
    match = _DERIVED.match(name)
    if match is None or match.group(1) != tenant:
        return []
    videos = deps.videos.get_many(tenant, [match.group(2)])
    if not videos:
        return []
    uris = [videos[0].thumbnail_uri, videos[0].gif_uri, videos[0].sprite_uri]
    place = deps.store.get(SegmentPlace, tenant, match.group(3))
    if place is not None and place.video_id == videos[0].video_id:
        segment = deps.store.get(Segment, tenant, place.video_id, place.cut_id, place.segment_id)
        uris.append(segment.thumbnail_uri if segment is not None else "")
    return uris
