from functions.api.videos import batches, handlers, previews, sessions, signing, transcripts, uploads
from functions.api.videos.answers import (
    BatchVideoAnswer,
    NewUploadSessionAnswer,
    RegisteredAnswer,
    SegmentsOfVideoAnswer,
    SignedUrlAnswer,
    TranscriptAnswer,
    UploadAnswer,
    UploadSessionAnswer,
    VideoStatusAnswer,
)
from functions.api.videos.schemas import (
    BatchBody,
    BatchSegmentsBody,
    PageQuery,
    RegisterBody,
    RunsQuery,
    SegmentsQuery,
    SessionBody,
    SignBody,
    TranscriptQuery,
    UploadForm,
)
from shared.domain.errors import ErrorCode
from shared.http.answers import Page
from shared.http.routes import Scope, delete, get, post
from shared.http.views.deletion import VideoDeletionAnswer
from shared.http.views.run import PromptRunAnswer
from shared.http.views.segment import SegmentAnswer
from shared.http.views.video import VideoAnswer

_VIDEO = (ErrorCode.VIDEO_NOT_FOUND,)
_CONTENT = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.UNSUPPORTED_MEDIA, ErrorCode.UNREADABLE_MEDIA)
_STORE = (ErrorCode.CONNECTOR_NOT_FOUND, ErrorCode.CONNECTOR_REFUSED, ErrorCode.UPSTREAM_FAILED)

_PREVIEW = (*_VIDEO, ErrorCode.PREVIEW_NOT_FOUND)
_SPOKEN = (*_VIDEO, ErrorCode.RUN_NOT_FOUND, ErrorCode.TRANSCRIPT_NOT_FOUND)

ROUTES = [
    post(
        "/videos",
        uploads.register_uri,
        answer=RegisteredAnswer,
        body=RegisterBody,
        scope=Scope.WRITE,
        status=201,
        errors=(*_CONTENT, *_STORE, ErrorCode.PAYLOAD_TOO_LARGE),
    ),
    post(
        "/videos/upload",
        uploads.upload,
        answer=UploadAnswer,
        multipart=UploadForm,
        scope=Scope.WRITE,
        status=201,
        errors=(*_CONTENT, ErrorCode.PAYLOAD_TOO_LARGE),
    ),
    post(
        "/videos/upload-session",
        sessions.begin,
        answer=NewUploadSessionAnswer,
        body=SessionBody,
        scope=Scope.WRITE,
        status=201,
        secret_response=True,  # whoever has the session's address can write to it
        errors=(ErrorCode.INDEX_NOT_FOUND, ErrorCode.UNSUPPORTED_MEDIA),
    ),
    get(
        "/videos/upload-session/{video_id}",
        sessions.retrieve,
        answer=UploadSessionAnswer,
        scope=Scope.READ,
        errors=(ErrorCode.UPLOAD_SESSION_NOT_FOUND,),
    ),
    post("/videos/batch", batches.retrieve_many, answer=list[BatchVideoAnswer], body=BatchBody, scope=Scope.READ),
    post("/videos/batch/status", batches.status_of_many, answer=list[VideoStatusAnswer], body=BatchBody, scope=Scope.READ),
    post(
        "/videos/batch/segments",
        batches.segments_of_many,
        answer=list[SegmentsOfVideoAnswer],
        body=BatchSegmentsBody,
        scope=Scope.READ,
    ),
    post(
        "/videos/signed-url",
        signing.sign,
        answer=SignedUrlAnswer,
        body=SignBody,
        scope=Scope.READ,
        secret_response=True,
        errors=(ErrorCode.OBJECT_NOT_FOUND,),
    ),
    get(
        "/videos/segments/{segment_id}/thumbnail",
        previews.segment_thumbnail,
        media_types=("image/jpeg",),
        scope=Scope.READ,
        errors=(ErrorCode.SEGMENT_NOT_FOUND, ErrorCode.PREVIEW_NOT_FOUND),
    ),
    get("/videos/{video_id}", handlers.retrieve, answer=VideoAnswer, scope=Scope.READ, errors=_VIDEO),
    delete("/videos/{video_id}", handlers.delete, answer=VideoDeletionAnswer, scope=Scope.ADMIN, errors=_VIDEO),
    get(
        "/videos/{video_id}/deletion",
        handlers.get_deletion,
        answer=VideoDeletionAnswer,
        scope=Scope.READ,
        errors=(ErrorCode.DELETION_NOT_FOUND,),
    ),
    get(
        "/videos/{video_id}/segments",
        handlers.list_segments,
        answer=Page[SegmentAnswer],
        query=SegmentsQuery,
        scope=Scope.READ,
        errors=(*_VIDEO, ErrorCode.RUN_NOT_FOUND),
    ),
    get(
        "/videos/{video_id}/prompt-runs",
        handlers.list_prompt_runs,
        answer=list[PromptRunAnswer],
        query=RunsQuery,
        scope=Scope.READ,
        errors=_VIDEO,
    ),
    get("/videos/{video_id}/gif", previews.gif, media_types=("image/gif",), scope=Scope.READ, errors=_PREVIEW),
    get("/videos/{video_id}/sprite", previews.sprite, media_types=("image/jpeg",), scope=Scope.READ, errors=_PREVIEW),
    get("/videos/{video_id}/sprite.vtt", previews.sprite_index, media_types=("text/vtt",), scope=Scope.READ, errors=_PREVIEW),
    get(
        "/videos/{video_id}/transcript",
        transcripts.transcript,
        media_types=("text/vtt", "application/x-subrip"),
        answer=TranscriptAnswer,
        query=TranscriptQuery,
        scope=Scope.READ,
        errors=_SPOKEN,
    ),
    get("/playground/videos", handlers.list_playground, answer=Page[VideoAnswer], query=PageQuery, scope=Scope.READ),
]
