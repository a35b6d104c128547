"""A media item on the wire."""

from collections.abc import Callable
from typing import Any

from shared.domain.clock import wire_time
from shared.domain.markers import NO_MARKS, Marks
from shared.domain.media import Video

Sign = Callable[[str], str]


def video_view(video: Video, sign: Sign | None = None, marks: Marks = NO_MARKS) -> dict[str, Any]:
    """`sign` makes of a stored object's URI an address that a player can load."""
    return {
        "video_id": video.video_id,
        "title": video.title,
        "video_uri": video.video_uri,
        "index_id": video.index_id or None,
        "user_id": video.user_id,
        "status": video.status,
        "processing_status": None,
        "media_type": video.media_type,
        "mime_type": video.mime_type,
        "size_bytes": video.size_bytes,
        "duration_seconds": video.duration_seconds or None,
        "width": video.width or None,
        "height": video.height or None,
        "thumbnail_gcs_uri": video.thumbnail_uri or None,
        "thumbnail_uri": sign(video.thumbnail_uri) if sign and video.thumbnail_uri else None,
        "thumbnail_available": bool(video.thumbnail_uri),
        "gif_gcs_uri": video.gif_uri or None,
        "gif_uri": sign(video.gif_uri) if sign and video.gif_uri else None,
        "gif_available": bool(video.gif_uri),
        "sprite_available": bool(video.sprite_uri),
        "checksum": video.checksum or None,
        "duplicate_of": video.duplicate_of or None,
        "metadata_keys": [],
        "latest_run_id": video.latest_run_id or None,
        "source_connector_id": video.source_connector_id or None,
        "created_at": wire_time(video.created_at),
        "updated_at": wire_time(video.updated_at),
        "marker": marks.whole(video.video_id),
    }
