from functions.api.prompts import handlers
from functions.api.prompts.schemas import PromptCreate, PromptDelete, PromptList, PromptUpdate, PromptWish, SchemaTest
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, post, put

_PROMPT = (ErrorCode.PROMPT_NOT_FOUND,)
_OWN = (*_PROMPT, ErrorCode.READ_ONLY_DEFAULT)
_SCHEMA = (ErrorCode.INVALID_SCHEMA,)

ROUTES = [
    post("/prompts", handlers.create, body=PromptCreate, scope=Scope.WRITE, status=201, errors=_SCHEMA),
    get("/prompts", handlers.list_all, query=PromptList, scope=Scope.READ),
    post("/prompts/test-schema", handlers.test_schema, body=SchemaTest, scope=Scope.WRITE, idempotent=False),
    post("/prompts/generate", handlers.generate, body=PromptWish, scope=Scope.WRITE, errors=(ErrorCode.UPSTREAM_FAILED,)),
    get("/prompts/{prompt_id}", handlers.retrieve, scope=Scope.READ, errors=_PROMPT),
    put("/prompts/{prompt_id}", handlers.update, body=PromptUpdate, scope=Scope.WRITE, errors=(*_OWN, *_SCHEMA)),
    delete("/prompts/{prompt_id}", handlers.delete, query=PromptDelete, scope=Scope.ADMIN, errors=_OWN),
    get("/prompts/{prompt_id}/usage", handlers.get_usage, scope=Scope.READ, errors=_PROMPT),
]
