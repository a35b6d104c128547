from functions.api.prompt_runs import handlers
from functions.api.prompt_runs.schemas import ExecuteBody, ListQuery, ResultsQuery
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, get, post

_RUN = (ErrorCode.RUN_NOT_FOUND,)

ROUTES = [
    post(
        "/prompt-runs/execute",
        handlers.execute,
        body=ExecuteBody,
        scope=Scope.WRITE,
        status=201,
        errors=(ErrorCode.PROMPT_NOT_FOUND, ErrorCode.INDEX_NOT_FOUND, ErrorCode.VIDEO_NOT_FOUND),
    ),
    get("/prompt-runs", handlers.list_runs, query=ListQuery, scope=Scope.READ),
    get("/prompt-runs/{run_id}", handlers.retrieve, scope=Scope.READ, errors=_RUN),
    get("/prompt-runs/{run_id}/results", handlers.list_results, query=ResultsQuery, scope=Scope.READ, errors=_RUN),
    get(
        "/prompt-runs/{run_id}/videos/{video_id}/video-result",
        handlers.get_video_result,
        scope=Scope.READ,
        errors=(*_RUN, ErrorCode.VIDEO_RESULT_NOT_FOUND),
    ),
    get("/prompt-runs/{run_id}/llm-calls", handlers.list_llm_calls, scope=Scope.READ, errors=_RUN),
    post("/prompt-runs/{run_id}/cancel", handlers.cancel, scope=Scope.WRITE, errors=(*_RUN, ErrorCode.CONFLICT)),
]
