"""Resumable uploads that were begun: the media item exists once the last byte has arrived and was judged."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from shared.domain.documents import Document


class UploadState(StrEnum):
    WAITING = "waiting"  # for bytes
    COMPLETED = "completed"  # the media item is there
    REFUSED = "refused"  # what arrived is no media; nothing of it was kept
    EXPIRED = "expired"


@dataclass(kw_only=True)
class UploadSession(Document):
    """Has the id of the media item it leads to; removed by the store some time after `expires_at`."""

    PATH: ClassVar[str] = "tenants/{tenant}/upload_sessions/{video_id}"

    tenant: str
    video_id: str
    user_id: str
    title: str
    index_id: str = ""
    content_type: str = ""
    size_bytes: int = 0
    status: str = UploadState.WAITING
    error_code: str = ""
    error_message: str = ""
    expires_at: datetime

    def state(self, now: datetime) -> UploadState:
        """As it is at this moment: nobody writes that a session has run out."""
        waiting = self.status == UploadState.WAITING
        return UploadState.EXPIRED if waiting and now >= self.expires_at else UploadState(self.status)
