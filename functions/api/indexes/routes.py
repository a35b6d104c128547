from functions.api.indexes import handlers
from functions.api.indexes.schemas import AttachmentAnswer, DetachmentAnswer, IndexCreate, IndexList, PageQuery, PromptAttachment
from shared.domain.errors import ErrorCode
from shared.http.answers import Page
from shared.http.routes import Scope, delete, get, post, put
from shared.http.views.deletion import IndexDeletionAnswer
from shared.http.views.index import IndexAnswer
from shared.http.views.run import PromptRunAnswer
from shared.http.views.video import VideoAnswer

_INDEX = (ErrorCode.INDEX_NOT_FOUND,)
_OWN = (*_INDEX, ErrorCode.READ_ONLY_DEFAULT)
_PAGE = (*_INDEX, ErrorCode.INVALID_CURSOR)
_LEGACY = "/indexes/{index_id}/prompt"

ROUTES = [
    post("/indexes", handlers.create, answer=IndexAnswer, body=IndexCreate, scope=Scope.WRITE, status=201),
    get("/indexes", handlers.list_all, answer=list[IndexAnswer], query=IndexList, scope=Scope.SEARCH),
    get("/indexes/{index_id}", handlers.retrieve, answer=IndexAnswer, scope=Scope.SEARCH, errors=_INDEX),
    delete("/indexes/{index_id}", handlers.delete, answer=IndexDeletionAnswer, scope=Scope.ADMIN, errors=_OWN),
    get(
        "/indexes/{index_id}/deletion",
        handlers.get_deletion,
        answer=IndexDeletionAnswer,
        scope=Scope.READ,
        errors=(ErrorCode.DELETION_NOT_FOUND,),
    ),
    get(
        "/indexes/{index_id}/videos",
        handlers.list_videos,
        answer=Page[VideoAnswer],
        query=PageQuery,
        scope=Scope.READ,
        errors=_PAGE,
    ),
    get(
        "/indexes/{index_id}/prompt-runs",
        handlers.list_prompt_runs,
        answer=Page[PromptRunAnswer],
        query=PageQuery,
        scope=Scope.READ,
        errors=_PAGE,
    ),
    get(_LEGACY, handlers.get_prompt, answer=AttachmentAnswer, scope=Scope.READ, deprecated=True, errors=_INDEX),
    put(
        _LEGACY,
        handlers.attach_prompt,
        answer=AttachmentAnswer,
        body=PromptAttachment,
        scope=Scope.WRITE,
        deprecated=True,
        errors=(*_OWN, ErrorCode.PROMPT_NOT_FOUND),
    ),
    delete(_LEGACY, handlers.detach_prompt, answer=DetachmentAnswer, scope=Scope.WRITE, deprecated=True, errors=_OWN),
]
