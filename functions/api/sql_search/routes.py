from functions.api.sql_search import handlers
from functions.api.sql_search.answers import CatalogAnswer, SqlResultAnswer, WrittenQueryAnswer
from functions.api.sql_search.schemas import CatalogBody, GenerateBody, SqlBody
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, post

_MISSING = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.RUN_NOT_FOUND)
_REFUSED = (*_MISSING, ErrorCode.INVALID_QUERY, ErrorCode.QUERY_TIMEOUT)

ROUTES = [
    post(
        "/search/sql/{index_id}/catalog",
        handlers.catalog,
        answer=CatalogAnswer,
        body=CatalogBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_MISSING,
    ),
    post(
        "/search/sql/{index_id}",
        handlers.execute,
        answer=SqlResultAnswer,
        body=SqlBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_REFUSED,
    ),
    post(
        "/search/sql/{index_id}/generate",
        handlers.generate,
        answer=WrittenQueryAnswer,
        body=GenerateBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=_REFUSED,
    ),
]
