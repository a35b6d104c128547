from functions.api.prompts import handlers
from functions.api.prompts.schemas import (
    CheckedPromptAnswer,
    PromptCreate,
    PromptDelete,
    PromptDeletedAnswer,
    PromptDraftAnswer,
    PromptList,
    PromptsAnswer,
    PromptUpdate,
    PromptUsageAnswer,
    PromptWish,
    SchemaTest,
    SchemaTestAnswer,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post, put
from shared.http.views.prompt import PromptAnswer

_PROMPT = (ErrorCode.PROMPT_NOT_FOUND,)
_OWN = (*_PROMPT, ErrorCode.READ_ONLY_DEFAULT)
_SCHEMA = (ErrorCode.INVALID_SCHEMA,)

ROUTES = [
    post(
        "/prompts", handlers.create, answer=CheckedPromptAnswer, body=PromptCreate, scope=Scope.WRITE, status=201, errors=_SCHEMA
    ),
    get("/prompts", handlers.list_all, answer=PromptsAnswer, query=PromptList, scope=Scope.READ),
    post(
        "/prompts/test-schema",
        handlers.test_schema,
        answer=SchemaTestAnswer,
        body=SchemaTest,
        scope=Scope.WRITE,
        idempotent=False,
    ),
    post(
        "/prompts/generate",
        handlers.generate,
        answer=PromptDraftAnswer,
        body=PromptWish,
        scope=Scope.WRITE,
        errors=(ErrorCode.UPSTREAM_FAILED,),
    ),
    get("/prompts/{prompt_id}", handlers.retrieve, answer=PromptAnswer, scope=Scope.READ, errors=_PROMPT),
    put(
        "/prompts/{prompt_id}",
        handlers.update,
        answer=CheckedPromptAnswer,
        body=PromptUpdate,
        scope=Scope.WRITE,
        errors=(*_OWN, *_SCHEMA),
    ),
    delete(
        "/prompts/{prompt_id}", handlers.delete, answer=PromptDeletedAnswer, query=PromptDelete, scope=Scope.ADMIN, errors=_OWN
    ),
    get("/prompts/{prompt_id}/usage", handlers.get_usage, answer=PromptUsageAnswer, scope=Scope.READ, errors=_PROMPT),
]
