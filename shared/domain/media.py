"""Indexes, media items and their segments."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from shared.domain.documents import Document, Work
from shared.domain.ids import derived_id

MediaType = Literal["video", "audio", "image"]


@dataclass(kw_only=True)
class Index(Document):
    PATH: ClassVar[str] = "tenants/{tenant}/indexes/{index_id}"

    tenant: str
    index_id: str
    user_id: str
    name: str
    description: str = ""
    is_default: bool = False
    prompt_id: str = ""  # the deprecated attachment of a prompt; nothing runs by it
    deleted_at: datetime | None = None


@dataclass(kw_only=True)
class Video(Document):
    """One media item of any type (the API's word for all of them is *video*).

    `generation` is the stored object's; together with the cut settings it names the segments. Status on the wire follows
    from `active_runs` and `last_outcome`, so that two runs over one item never fight for a status field.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/videos/{video_id}"

    tenant: str
    video_id: str
    user_id: str
    title: str
    video_uri: str
    index_id: str = ""  # empty: playground
    media_type: MediaType = "video"
    mime_type: str = ""
    generation: str = ""
    size_bytes: int = 0
    checksum: str = ""  # of the content: `md5:<hex>`, or `crc32c:<hex>` for an object stored in pieces
    duplicate_of: str = ""  # an older item of the same index with this very content, as it was when this one came in
    duration_seconds: float = 0.0
    width: int = 0
    height: int = 0
    has_audio: bool = False
    has_video: bool = False
    thumbnail_uri: str = ""
    gif_uri: str = ""
    sprite_uri: str = ""
    sprite: dict[str, Any] = field(default_factory=dict)  # its layout: count, columns, tile size, seconds per tile
    latest_cut_id: str = ""
    latest_run_id: str = ""
    active_runs: dict[str, str] = field(default_factory=dict)
    last_outcome: str = ""
    source_connector_id: str = ""
    deleted_at: datetime | None = None

    @property
    def status(self) -> str:
        """`not_processed | processing | processed | failed`."""
        if self.active_runs:
            return "processing"
        return self.last_outcome or "not_processed"


@dataclass(frozen=True)
class CutSettings:
    """How media is cut; the same settings on the same content give the same segments."""

    video_type: str = "smart"
    video_seconds: int | None = None
    audio_type: str = "content_aware"
    audio_seconds: int | None = None

    def cut_id(self, video: Video) -> str:
        if video.media_type == "image":
            return derived_id("cut", video.generation, "image")
        if video.media_type == "audio":
            return derived_id("cut", video.generation, "audio", self.audio_type, self.audio_seconds)
        return derived_id("cut", video.generation, "video", self.video_type, self.video_seconds)


@dataclass(kw_only=True)
class Cut(Document):
    """One finished segmentation of one content: written after all its segments, so its presence means they are there."""

    PATH: ClassVar[str] = "tenants/{tenant}/videos/{video_id}/cuts/{cut_id}"

    tenant: str
    video_id: str
    cut_id: str
    generation: str
    segment_count: int
    run_id: str = ""  # the run that made it; others reuse it
    runs: dict[str, datetime] = field(default_factory=dict)  # every run that took these segments, and since when


@dataclass(kw_only=True)
class Segment(Document):
    """A span of a media item, `[start, end)` in seconds; an image has one segment `[0, 0]`."""

    PATH: ClassVar[str] = "tenants/{tenant}/videos/{video_id}/cuts/{cut_id}/segments/{segment_id}"

    tenant: str
    video_id: str
    cut_id: str
    segment_id: str
    ordinal: int
    start: float
    end: float
    thumbnail_uri: str = ""
    picture_time: float = 0.0


@dataclass(kw_only=True)
class SegmentPlace(Document):
    """Leads from a segment's id alone to where it lies."""

    PATH: ClassVar[str] = "tenants/{tenant}/segment_places/{segment_id}"

    tenant: str
    segment_id: str
    video_id: str
    cut_id: str


def segment_id(video_id: str, cut_id: str, ordinal: int) -> str:
    return derived_id("segment", video_id, cut_id, ordinal)


@dataclass(kw_only=True)
class Deletion(Work):
    """The removal of an index or a media item, from the first answer to the last object gone."""

    PATH: ClassVar[str] = "tenants/{tenant}/deletions/{deletion_id}"

    tenant: str
    deletion_id: str
    resource: Literal["index", "video", "session", "connector"]
    resource_id: str
    completed_at: datetime | None = None


def deletion_id(resource: str, resource_id: str) -> str:
    """One resource has one deletion, however often it is asked for."""
    return derived_id("deletion", resource, resource_id)
