from functions.api.workflow import attaching, handlers, results, searching
from functions.api.workflow.answers import (
    DefineAnswer,
    GrantAnswer,
    ProcessAnswer,
    WorkflowResultsAnswer,
    WorkflowSearchAnswer,
    WorkflowUploadAnswer,
)
from functions.api.workflow.schemas import (
    AttachmentsBody,
    DefineBody,
    GrantBody,
    ProcessBody,
    ResultsQuery,
    SearchBody,
    SearchPageQuery,
    UploadForm,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, get, post
from shared.http.views.import_job import ImportJobAnswer

_PLACE = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.READ_ONLY_DEFAULT)
_MEDIA = (ErrorCode.VIDEO_NOT_FOUND,)

# Not charged themselves: the calls that they make are.
ROUTES = [
    post(
        "/workflow/upload",
        handlers.upload,
        multipart=UploadForm,
        answer=WorkflowUploadAnswer,
        scope=Scope.WRITE,
        status=201,
        category=None,
        errors=(*_PLACE, ErrorCode.UNSUPPORTED_MEDIA, ErrorCode.UNREADABLE_MEDIA, ErrorCode.PAYLOAD_TOO_LARGE),
    ),
    post(
        "/workflow/attachments",
        attaching.attach,
        body=AttachmentsBody,
        answer=ImportJobAnswer,
        scope=Scope.WRITE,
        status=202,
        errors=_PLACE,
    ),
    post(
        "/workflow/define",
        handlers.define,
        body=DefineBody,
        answer=DefineAnswer,
        scope=Scope.WRITE,
        category=None,
        errors=(ErrorCode.UPSTREAM_FAILED,),
    ),
    post(
        "/workflow/process",
        handlers.process,
        body=ProcessBody,
        answer=ProcessAnswer,
        scope=Scope.WRITE,
        status=201,
        category=None,
        errors=(
            *_PLACE,
            *_MEDIA,
            ErrorCode.PROMPT_NOT_FOUND,
            ErrorCode.IMPORT_JOB_NOT_FOUND,
            ErrorCode.CONFLICT,
            ErrorCode.UPSTREAM_FAILED,
        ),
    ),
    get(
        "/workflow/runs/{run_id}/results",
        results.list_results,
        query=ResultsQuery,
        answer=WorkflowResultsAnswer,
        scope=Scope.READ,
        category=None,
        errors=(ErrorCode.RUN_NOT_FOUND, ErrorCode.INVALID_CURSOR),
    ),
    post(
        "/workflow/search",
        searching.search,
        body=SearchBody,
        answer=WorkflowSearchAnswer,
        scope=Scope.SEARCH,
        idempotent=False,
        category=None,
        errors=(ErrorCode.INDEX_NOT_FOUND, ErrorCode.RUN_NOT_FOUND),
    ),
    get(
        "/workflow/search/page",
        searching.next_page,
        query=SearchPageQuery,
        answer=WorkflowSearchAnswer,
        scope=Scope.SEARCH,
        category=None,
        errors=(ErrorCode.INVALID_CURSOR, ErrorCode.INDEX_NOT_FOUND, ErrorCode.RUN_NOT_FOUND),
    ),
    post(
        "/workflow/media-grants",
        handlers.grant_media,
        body=GrantBody,
        answer=GrantAnswer,
        scope=Scope.READ,
        idempotent=False,
        category=None,
        errors=(*_MEDIA, ErrorCode.RUN_NOT_FOUND, ErrorCode.SEGMENT_NOT_FOUND),
    ),
]
