"""A result's columns that every run has, whatever its schema."""

from typing import Any

from shared.domain.media import Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.tables.layout import RUN_CREATED


def segment_row(run: Run, row: SegmentResult, video: Video) -> dict[str, Any]:
    return {
        **_of_media(run, video),
        "row_id": f"segment:{row.segment_id}:{run.run_id}",
        "segment_id": row.segment_id,
        "segment_number": row.ordinal,
        "start_time": row.start,
        "end_time": row.end,
        "transcript": row.transcript or None,
        "metadata_text": row.metadata_text or None,
    }


def media_row(run: Run, media: RunMedia, video: Video) -> dict[str, Any]:
    """Of a media item as a whole; it stands before the item's segments."""
    return {
        **_of_media(run, video),
        "row_id": f"video:{media.video_id}:{run.run_id}",
        "segment_id": None,
        "segment_number": -1,
        "start_time": 0.0,
        "end_time": video.duration_seconds,
        "transcript": None,
        "metadata_text": media.video_level_text or None,
    }


def _of_media(run: Run, video: Video) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "index_id": video.index_id,
        "video_id": video.video_id,
        "video_name": video.title,
        "media_type": video.media_type,
        RUN_CREATED: run.created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
