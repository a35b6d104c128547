from functions.api.import_jobs import handlers
from functions.api.import_jobs.schemas import FilesQuery, ImportBody, JobsQuery, PageQuery, RetryBody
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, get, post
from shared.http.views.import_job import ImportJobAnswer, ImportOutputsAnswer, SourceFilesAnswer

_JOB = (ErrorCode.IMPORT_JOB_NOT_FOUND,)
_PAGED = (*_JOB, ErrorCode.INVALID_CURSOR)
_CHANGED = (*_JOB, ErrorCode.CONFLICT)
_TARGETS = (ErrorCode.CONNECTOR_NOT_FOUND, ErrorCode.INDEX_NOT_FOUND, ErrorCode.READ_ONLY_DEFAULT)
_ONE = "/import-jobs/{job_id}"

ROUTES = [
    post(
        "/import-jobs",
        handlers.create,
        body=ImportBody,
        answer=ImportJobAnswer,
        scope=Scope.WRITE,
        status=201,
        errors=_TARGETS,
    ),
    get("/import-jobs", handlers.list_all, query=JobsQuery, answer=list[ImportJobAnswer], scope=Scope.READ),
    get(_ONE, handlers.retrieve, answer=ImportJobAnswer, scope=Scope.READ, errors=_JOB),
    post(f"{_ONE}/cancel", handlers.cancel, answer=ImportJobAnswer, scope=Scope.WRITE, errors=_CHANGED),
    post(f"{_ONE}/retry", handlers.retry, body=RetryBody, answer=ImportJobAnswer, scope=Scope.WRITE, errors=_CHANGED),
    get(f"{_ONE}/outputs", handlers.list_outputs, query=PageQuery, answer=ImportOutputsAnswer, scope=Scope.READ, errors=_PAGED),
    get(f"{_ONE}/files", handlers.list_files, query=FilesQuery, answer=SourceFilesAnswer, scope=Scope.READ, errors=_PAGED),
]
