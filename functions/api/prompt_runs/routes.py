from functions.api.prompt_runs import estimating, handlers, retries, starting
from functions.api.prompt_runs.answers import (
    EstimateAnswer,
    FailuresAnswer,
    LlmCallAnswer,
    ProcessAnswer,
    RetryAnswer,
    SegmentResultAnswer,
    VideoResultAnswer,
)
from functions.api.prompt_runs.schemas import CallsQuery, ExecuteBody, ListQuery, ProcessQuery, ResultsQuery, RetryBody
from shared.domain.errors import ErrorCode
from shared.http.answers import Page
from shared.http.routes import Scope, get, post
from shared.http.views.run import PromptRunAnswer

_RUN = (ErrorCode.RUN_NOT_FOUND,)
_ITEM = (*_RUN, ErrorCode.VIDEO_NOT_FOUND)
_NAMED = (ErrorCode.PROMPT_NOT_FOUND, ErrorCode.INDEX_NOT_FOUND, ErrorCode.VIDEO_NOT_FOUND)
_SEGMENT = "/prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}"

ROUTES = [
    post(
        "/prompt-runs/execute",
        starting.execute,
        answer=PromptRunAnswer,
        body=ExecuteBody,
        scope=Scope.WRITE,
        status=201,
        errors=_NAMED,
    ),
    post(
        "/prompt-runs/estimate",
        estimating.estimate,
        answer=EstimateAnswer,
        body=ExecuteBody,
        scope=Scope.READ,
        idempotent=False,
        errors=_NAMED,
    ),
    post(
        "/videos/{video_id}/process",
        starting.process,
        answer=ProcessAnswer,
        query=ProcessQuery,
        scope=Scope.WRITE,
        errors=(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.PROMPT_NOT_FOUND),
    ),
    get("/prompt-runs", handlers.list_runs, answer=list[PromptRunAnswer], query=ListQuery, scope=Scope.READ),
    get("/prompt-runs/{run_id}", handlers.retrieve, answer=PromptRunAnswer, scope=Scope.READ, errors=_RUN),
    get(
        "/prompt-runs/{run_id}/results",
        handlers.list_results,
        answer=Page[SegmentResultAnswer],
        query=ResultsQuery,
        scope=Scope.READ,
        errors=_ITEM,
    ),
    get(
        "/prompt-runs/{run_id}/videos/{video_id}/video-result",
        handlers.get_video_result,
        answer=VideoResultAnswer,
        scope=Scope.READ,
        errors=(*_ITEM, ErrorCode.VIDEO_RESULT_NOT_FOUND),
    ),
    get(
        "/prompt-runs/{run_id}/llm-calls",
        handlers.list_llm_calls,
        answer=list[LlmCallAnswer],
        query=CallsQuery,
        scope=Scope.READ,
        errors=_RUN,
    ),
    get(
        "/prompt-runs/{run_id}/failed-segments",
        retries.list_failed_segments,
        answer=FailuresAnswer,
        scope=Scope.READ,
        errors=_RUN,
    ),
    post(
        f"{_SEGMENT}/retry",
        retries.retry_segment,
        answer=RetryAnswer,
        body=RetryBody,
        scope=Scope.WRITE,
        status=202,
        errors=(*_RUN, ErrorCode.VIDEO_NOT_FOUND, ErrorCode.SEGMENT_NOT_FOUND, ErrorCode.CONFLICT),
    ),
    get(
        f"{_SEGMENT}/retries/{{retry_id}}",
        retries.get_retry,
        answer=RetryAnswer,
        scope=Scope.READ,
        errors=(*_RUN, ErrorCode.VIDEO_NOT_FOUND, ErrorCode.RETRY_NOT_FOUND),
    ),
    post(
        "/prompt-runs/{run_id}/cancel",
        handlers.cancel,
        answer=PromptRunAnswer,
        scope=Scope.WRITE,
        errors=(*_RUN, ErrorCode.CONFLICT),
    ),
]
