from functions.api.videos import handlers, uploads
from functions.api.videos.schemas import PageQuery, RegisterBody, RunsQuery, SegmentsQuery, UploadForm
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post

_VIDEO = (ErrorCode.VIDEO_NOT_FOUND,)
_CONTENT = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.UNSUPPORTED_MEDIA, ErrorCode.UNREADABLE_MEDIA)

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
    get("/videos/{video_id}", handlers.retrieve, scope=Scope.READ, errors=_VIDEO),
    delete("/videos/{video_id}", handlers.delete, scope=Scope.ADMIN, errors=_VIDEO),
    get("/videos/{video_id}/deletion", handlers.get_deletion, scope=Scope.READ, errors=(ErrorCode.DELETION_NOT_FOUND,)),
    get("/videos/{video_id}/segments", handlers.list_segments, query=SegmentsQuery, scope=Scope.READ, errors=_VIDEO),
    get("/videos/{video_id}/prompt-runs", handlers.list_prompt_runs, query=RunsQuery, scope=Scope.READ, errors=_VIDEO),
    get("/playground/videos", handlers.list_playground, query=PageQuery, scope=Scope.READ),
]
