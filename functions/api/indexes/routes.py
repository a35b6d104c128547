from functions.api.indexes import handlers
from functions.api.indexes.schemas import IndexCreate, IndexList, PageQuery, PromptAttachment
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post, put

_INDEX = (ErrorCode.INDEX_NOT_FOUND,)
_OWN = (*_INDEX, ErrorCode.READ_ONLY_DEFAULT)
_PAGE = (*_INDEX, ErrorCode.INVALID_CURSOR)
_LEGACY = "/indexes/{index_id}/prompt"

ROUTES = [
    post("/indexes", handlers.create, body=IndexCreate, scope=Scope.WRITE, status=201),
    get("/indexes", handlers.list_all, query=IndexList, scope=Scope.SEARCH),
    get("/indexes/{index_id}", handlers.retrieve, scope=Scope.SEARCH, errors=_INDEX),
    delete("/indexes/{index_id}", handlers.delete, scope=Scope.ADMIN, errors=_OWN),
    get("/indexes/{index_id}/deletion", handlers.get_deletion, scope=Scope.READ, errors=(ErrorCode.DELETION_NOT_FOUND,)),
    get("/indexes/{index_id}/videos", handlers.list_videos, query=PageQuery, scope=Scope.READ, errors=_PAGE),
    get("/indexes/{index_id}/prompt-runs", handlers.list_prompt_runs, query=PageQuery, scope=Scope.READ, errors=_PAGE),
    get(_LEGACY, handlers.get_prompt, scope=Scope.READ, deprecated=True, errors=_INDEX),
    put(
        _LEGACY,
        handlers.attach_prompt,
        body=PromptAttachment,
        scope=Scope.WRITE,
        deprecated=True,
        errors=(*_OWN, ErrorCode.PROMPT_NOT_FOUND),
    ),
    delete(_LEGACY, handlers.detach_prompt, scope=Scope.WRITE, deprecated=True, errors=_OWN),
]
