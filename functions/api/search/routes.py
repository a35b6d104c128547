from functions.api.search import filters, handlers
from functions.api.search.answers import FilteredAnswer, FusedResultAnswer, SearchResultAnswer
from functions.api.search.filters import FilterBody
from functions.api.search.schemas import (
    MAX_IMAGE_BODY,
    ImageSearchBody,
    MultimodalSearchBody,
    MultiRunSearchBody,
    PlaygroundQuery,
    PlaygroundSearchBody,
    TextSearchBody,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, post

_MISSING = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.RUN_NOT_FOUND)

ROUTES = [
    post(
        "/indexes/{index_id}/search",
        handlers.text,
        answer=list[SearchResultAnswer],
        body=TextSearchBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_MISSING,
    ),
    post(
        "/indexes/{index_id}/image-search",
        handlers.image,
        answer=list[SearchResultAnswer],
        body=ImageSearchBody,
        max_body=MAX_IMAGE_BODY,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_MISSING,
    ),
    post(
        "/indexes/{index_id}/multimodal-search",
        handlers.multimodal,
        answer=list[FusedResultAnswer],
        body=MultimodalSearchBody,
        max_body=MAX_IMAGE_BODY,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_MISSING,
    ),
    post(
        "/search/multi-run",
        handlers.multi_run,
        answer=list[SearchResultAnswer],
        body=MultiRunSearchBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_MISSING,
    ),
    post(
        "/playground/search",
        handlers.playground,
        answer=list[SearchResultAnswer],
        body=PlaygroundSearchBody,
        query=PlaygroundQuery,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=(ErrorCode.RUN_NOT_FOUND,),
    ),
    post(
        "/search/filter/playground",
        filters.filter_playground,
        answer=FilteredAnswer,
        body=FilterBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=(ErrorCode.RUN_NOT_FOUND, ErrorCode.INVALID_CURSOR),
    ),
    post(
        "/search/filter/{index_id}",
        filters.filter_index,
        answer=FilteredAnswer,
        body=FilterBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=(*_MISSING, ErrorCode.INVALID_CURSOR),
    ),
]
