"""What deleting answers."""

from typing import Literal

from typing_extensions import TypedDict


class DeletionAnswer(TypedDict):
    """`retry_after_seconds` says when to ask again; null once everything is gone."""

    message: str
    deletion_id: str
    status: Literal["draining", "deleting", "deleted"]
    retry_after_seconds: int | None


class IndexDeletionAnswer(DeletionAnswer):
    index_id: str


class VideoDeletionAnswer(DeletionAnswer):
    video_id: str
