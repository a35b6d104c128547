"""A media item on the wire."""

from collections.abc import Callable
from typing import Any, Literal

from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.markers import NO_MARKS, Marks
from shared.domain.media import Video
from shared.http.answers import MarkerInfoAnswer, Moment

Sign = Callable[[str], str]


class SegmentStatusAnswer(TypedDict):
    segment_id: str
    video_id: str
    status: str
    start_time: float
    end_time: float
    started_at: Moment | None
    completed_at: Moment | None
    updated_at: Moment
    error_message: str | None
    failure_stage: str | None
    attempt_id: str | None


class VideoLevelStatusAnswer(TypedDict):
    status: str
    result_available: bool
    successful_segment_count: int
    failed_segment_count: int
    started_at: Moment | None
    completed_at: Moment | None
    updated_at: Moment
    error_message: str | None
    attempt_id: str


class ProcessingStatusAnswer(TypedDict):
    """How far one run is with one media item."""

    run_id: str
    prompt_id: str
    status: str
    total_segments: int
    pending_segments: int
    processing_segments: int
    successful_segments: int
    failed_segments: int
    created_at: Moment
    updated_at: Moment
    attempt_id: str
    video_level: VideoLevelStatusAnswer | None
    segments: list[SegmentStatusAnswer]


class VideoAnswer(TypedDict):
    """A media item; `processing_status` is told where one item is asked for, and in batches."""

    video_id: str
    title: str
    video_uri: str
    index_id: str | None
    user_id: str
    status: str
    processing_status: list[ProcessingStatusAnswer] | None
    media_type: Literal["video", "audio", "image"]
    mime_type: str
    size_bytes: int
    duration_seconds: float | None
    width: int | None
    height: int | None
    thumbnail_gcs_uri: str | None
    thumbnail_uri: str | None
    thumbnail_available: bool
    gif_gcs_uri: str | None
    gif_uri: str | None
    gif_available: bool
    sprite_available: bool
    checksum: str | None
    duplicate_of: str | None
    metadata_keys: list[str]
    latest_run_id: str | None
    source_connector_id: str | None
    created_at: Moment
    updated_at: Moment
    marker: MarkerInfoAnswer


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
