from functions.api.videos import batches, handlers, previews, sessions, signing, transcripts, uploads
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
from shared.http.routes import Scope, delete, get, post

_VIDEO = (ErrorCode.VIDEO_NOT_FOUND,)
_CONTENT = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.UNSUPPORTED_MEDIA, ErrorCode.UNREADABLE_MEDIA)

_PREVIEW = (*_VIDEO, ErrorCode.PREVIEW_NOT_FOUND)
_SPOKEN = (*_VIDEO, ErrorCode.RUN_NOT_FOUND, ErrorCode.TRANSCRIPT_NOT_FOUND)

ROUTES = [
    post("/videos", uploads.register_uri, body=RegisterBody, scope=Scope.WRITE, status=201, errors=_CONTENT),
    post(
        "/videos/upload",
        uploads.upload,
        multipart=UploadForm,
        scope=Scope.WRITE,
        status=201,
        errors=(*_CONTENT, ErrorCode.PAYLOAD_TOO_LARGE),
    ),
    post(
        "/videos/upload-session",
        sessions.begin,
        body=SessionBody,
        scope=Scope.WRITE,
        status=201,
        secret_response=True,  # whoever has the session's address can write to it
        errors=(ErrorCode.INDEX_NOT_FOUND, ErrorCode.UNSUPPORTED_MEDIA),
    ),
    get(
        "/videos/upload-session/{video_id}",
        sessions.retrieve,
        scope=Scope.READ,
        errors=(ErrorCode.UPLOAD_SESSION_NOT_FOUND,),
    ),
    post("/videos/batch", batches.retrieve_many, body=BatchBody, scope=Scope.READ),
    post("/videos/batch/status", batches.status_of_many, body=BatchBody, scope=Scope.READ),
    post("/videos/batch/segments", batches.segments_of_many, body=BatchSegmentsBody, scope=Scope.READ),
    post(
        "/videos/signed-url",
        signing.sign,
        body=SignBody,
        scope=Scope.READ,
        secret_response=True,
        errors=(ErrorCode.OBJECT_NOT_FOUND,),
    ),
    get(
        "/videos/segments/{segment_id}/thumbnail",
        previews.segment_thumbnail,
        scope=Scope.READ,
        errors=(ErrorCode.SEGMENT_NOT_FOUND, ErrorCode.PREVIEW_NOT_FOUND),
    ),
    get("/videos/{video_id}", handlers.retrieve, scope=Scope.READ, errors=_VIDEO),
    delete("/videos/{video_id}", handlers.delete, scope=Scope.ADMIN, errors=_VIDEO),
    get("/videos/{video_id}/deletion", handlers.get_deletion, scope=Scope.READ, errors=(ErrorCode.DELETION_NOT_FOUND,)),
    get("/videos/{video_id}/segments", handlers.list_segments, query=SegmentsQuery, scope=Scope.READ, errors=_VIDEO),
    get("/videos/{video_id}/prompt-runs", handlers.list_prompt_runs, query=RunsQuery, scope=Scope.READ, errors=_VIDEO),
    get("/videos/{video_id}/gif", previews.gif, scope=Scope.READ, errors=_PREVIEW),
    get("/videos/{video_id}/sprite", previews.sprite, scope=Scope.READ, errors=_PREVIEW),
    get("/videos/{video_id}/sprite.vtt", previews.sprite_index, scope=Scope.READ, errors=_PREVIEW),
    get("/videos/{video_id}/transcript", transcripts.transcript, query=TranscriptQuery, scope=Scope.READ, errors=_SPOKEN),
    get("/playground/videos", handlers.list_playground, query=PageQuery, scope=Scope.READ),
]
