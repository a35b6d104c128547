"""Uploads that are too large for one request: a session at the object store, begun here and finished there.

Until its last byte has arrived there is no media item: `GET /videos/{id}` is a 404, and the session itself says how it stands.
"""

import re
from typing import Any

from functions.api.videos.deps import Deps
from functions.api.videos.schemas import SessionBody
from shared.domain.clock import wire_time
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.uploads import UploadSession
from shared.http.call import Call
from shared.objects.buckets import SESSION_LASTS, original_name

_ACCEPTED = re.compile(r"^((video|audio|image)/(?!svg)[a-z0-9.+-]+|application/(octet-stream|mp4|ogg|mxf|x-matroska))(;|$)")
_ORIGIN = re.compile(r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?$")


def begin(call: Call[SessionBody], deps: Deps) -> dict[str, Any]:
    """Begin a resumable upload; PUT the file to session_url, in one piece or in several"""
    body = call.body
    if not _ACCEPTED.match(body.content_type):
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA, "content_type must be that of a video, audio or image file")
    if body.index_id:
        deps.indexes.own(call.tenant, body.index_id)
    now = deps.store.clock()
    session = deps.store.create_once(
        UploadSession(
            created_at=now,
            updated_at=now,
            tenant=call.tenant,
            video_id=call.new_id("video"),
            user_id=call.caller.user_id,
            title=body.title,
            index_id=body.index_id or "",
            content_type=body.content_type,
            size_bytes=body.size_bytes or 0,
            expires_at=now + SESSION_LASTS,
        )
    )
    origin = call.request.headers.get("Origin")
    url = deps.objects.begin_upload(
        call.tenant,
        session.video_id,
        body.content_type,
        {"user_id": session.user_id, "index_id": session.index_id, "title": session.title},
        size=body.size_bytes,
        origin=origin if _ORIGIN.match(origin) else None,
    )
    return {"session_url": url, "method": "PUT", **_view(session, deps)}


def retrieve(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any]:
    """Retrieve how a resumable upload stands: waiting, completed, refused or expired"""
    session = deps.store.get(UploadSession, call.tenant, video_id)
    if session is None:
        raise ApiError(ErrorCode.UPLOAD_SESSION_NOT_FOUND, "there is no such upload session")
    return _view(session, deps)


def _view(session: UploadSession, deps: Deps) -> dict[str, Any]:
    return {
        "video_id": session.video_id,
        "title": session.title,
        "index_id": session.index_id or None,
        "video_uri": f"gs://{deps.objects.originals}/{original_name(session.tenant, session.video_id)}",
        "content_type": session.content_type,
        "size_bytes": session.size_bytes or None,
        "status": session.state(deps.store.clock()),
        "error_code": session.error_code or None,
        "error_message": session.error_message or None,
        "created_at": wire_time(session.created_at),
        "expires_at": wire_time(session.expires_at),
    }
