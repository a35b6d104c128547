from functions.api.search import handlers
from functions.api.search.schemas import TextSearchBody
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, post

ROUTES = [
    post(
        "/indexes/{index_id}/search",
        handlers.text,
        body=TextSearchBody,
        scope=Scope.SEARCH,
        idempotent=False,
        errors=(ErrorCode.INDEX_NOT_FOUND,),
    ),
]
