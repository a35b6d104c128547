from functions.api.automations import handlers
from functions.api.automations.schemas import ExportAutomationBody, ImportAutomationBody
from functions.api.automations.views import ExportAutomationAnswer, ImportAutomationAnswer
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, get, post, put

_INDEX = (ErrorCode.INDEX_NOT_FOUND, ErrorCode.READ_ONLY_DEFAULT)
_FOUND = (*_INDEX, ErrorCode.AUTOMATION_NOT_FOUND)
_CHANGED = (*_FOUND, ErrorCode.CONFLICT)
_PUT = (*_INDEX, ErrorCode.CONNECTOR_NOT_FOUND, ErrorCode.CONFLICT)
_IMPORT = "/indexes/{index_id}/automations/import"
_EXPORT = "/indexes/{index_id}/automations/export"

ROUTES = [
    get(_IMPORT, handlers.get_import, scope=Scope.READ, answer=ImportAutomationAnswer, errors=_FOUND),
    put(
        _IMPORT,
        handlers.put_import,
        body=ImportAutomationBody,
        scope=Scope.WRITE,
        answer=ImportAutomationAnswer,
        errors=(*_PUT, ErrorCode.PROMPT_NOT_FOUND),
    ),
    post(f"{_IMPORT}/pause", handlers.pause_import, scope=Scope.WRITE, answer=ImportAutomationAnswer, errors=_CHANGED),
    post(f"{_IMPORT}/resume", handlers.resume_import, scope=Scope.WRITE, answer=ImportAutomationAnswer, errors=_CHANGED),
    get(_EXPORT, handlers.get_export, scope=Scope.READ, answer=ExportAutomationAnswer, errors=_FOUND),
    put(
        _EXPORT,
        handlers.put_export,
        body=ExportAutomationBody,
        scope=Scope.WRITE,
        answer=ExportAutomationAnswer,
        errors=_PUT,
    ),
    post(f"{_EXPORT}/pause", handlers.pause_export, scope=Scope.WRITE, answer=ExportAutomationAnswer, errors=_CHANGED),
    post(f"{_EXPORT}/resume", handlers.resume_export, scope=Scope.WRITE, answer=ExportAutomationAnswer, errors=_CHANGED),
]
