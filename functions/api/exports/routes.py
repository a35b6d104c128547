from functions.api.exports import handlers
from functions.api.exports.schemas import DownloadQuery, IndexExportBody, ListQuery, RunExportBody
from functions.api.exports.views import DownloadUrlAnswer, ExportAnswer
from shared.domain.errors import ErrorCode
from shared.domain.exports import MEDIA_TYPES
from shared.http.routes import Scope, get, post

_EXPORT = (ErrorCode.EXPORT_NOT_FOUND,)

ROUTES = [
    post(
        "/exports/index/{index_id}",
        handlers.export_index,
        body=IndexExportBody,
        scope=Scope.WRITE,
        status=202,
        answer=ExportAnswer,
        errors=(ErrorCode.INDEX_NOT_FOUND, ErrorCode.RUN_NOT_FOUND, ErrorCode.CONNECTOR_NOT_FOUND, ErrorCode.READ_ONLY_DEFAULT),
    ),
    post(
        "/exports/prompt-run/{run_id}",
        handlers.export_run,
        body=RunExportBody,
        scope=Scope.WRITE,
        status=202,
        answer=ExportAnswer,
        errors=(ErrorCode.RUN_NOT_FOUND, ErrorCode.CONNECTOR_NOT_FOUND),
    ),
    get("/exports", handlers.list_all, query=ListQuery, scope=Scope.READ, answer=list[ExportAnswer]),
    get("/exports/{export_id}", handlers.retrieve, scope=Scope.READ, answer=ExportAnswer, errors=_EXPORT),
    get(
        "/exports/{export_id}/download",
        handlers.download,
        query=DownloadQuery,
        scope=Scope.READ,
        capability="token",
        media_types=tuple(MEDIA_TYPES.values()),
        errors=(*_EXPORT, ErrorCode.CONFLICT, ErrorCode.EXPORT_TOO_LARGE),
    ),
    post(
        "/exports/{export_id}/download-url",
        handlers.mint,
        scope=Scope.READ,
        idempotent=False,
        answer=DownloadUrlAnswer,
        errors=_EXPORT,
    ),
]
