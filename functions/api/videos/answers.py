"""What the media endpoints answer beside media items and segments themselves."""

from typing import Literal

from typing_extensions import TypedDict

from shared.http.answers import Moment
from shared.http.views.import_job import ImportJobAnswer
from shared.http.views.segment import SegmentAnswer
from shared.http.views.video import ProcessingStatusAnswer, VideoAnswer


class UploadAnswer(ImportJobAnswer):
    """The upload as an import job that has ended, with what came of it; `status` is the job's.

    `duplicate_of` names an item of the same index with the same content.
    """

    video_id: str
    title: str
    video_uri: str
    message: str
    media_type: Literal["video", "audio", "image"]
    duration_seconds: float
    thumbnail_gcs_uri: str | None
    thumbnail_uri: str | None
    thumbnail_available: bool
    checksum: str | None
    duplicate_of: str | None


class RegisteredAnswer(ImportJobAnswer, VideoAnswer):
    """The registration as an import job that has ended, with the media item; `status` is the item's."""


class UploadSessionAnswer(TypedDict):
    video_id: str
    title: str
    index_id: str | None
    video_uri: str
    content_type: str
    size_bytes: int | None
    status: Literal["waiting", "completed", "refused", "expired"]
    error_code: str | None
    error_message: str | None
    created_at: Moment
    expires_at: Moment


class NewUploadSessionAnswer(UploadSessionAnswer):
    """PUT the bytes to `session_url`; whoever has that address can write the file."""

    session_url: str
    method: str


class BatchVideoAnswer(VideoAnswer):
    first_thumbnail: str | None
    gif_data: str | None


class VideoStatusAnswer(TypedDict):
    video_id: str
    status: str
    processing_status: list[ProcessingStatusAnswer]


class SegmentsOfVideoAnswer(TypedDict):
    """`truncated` where the item has more segments than one answer carries."""

    video_id: str
    run_id: str | None
    segments: list[SegmentAnswer]
    truncated: bool


class SignedUrlAnswer(TypedDict):
    signed_url: str
    expires_at: Moment


class UtteranceAnswer(TypedDict):
    """Times in seconds of the item."""

    start: float
    end: float
    text: str


class TranscriptAnswer(TypedDict):
    """`complete` where every segment was transcribed."""

    video_id: str
    run_id: str
    complete: bool
    text: str
    utterances: list[UtteranceAnswer]
