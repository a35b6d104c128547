from functions.api.connectors import handlers
from functions.api.connectors.schemas import (
    AzureBody,
    BrowseBody,
    CloudFileAnswer,
    ConnectorAnswer,
    ConnectorPatch,
    DeletedAnswer,
    GcsForm,
    S3Body,
    TestAnswer,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, patch, post

_MISSING = (ErrorCode.CONNECTOR_NOT_FOUND,)
_STORE = (*_MISSING, ErrorCode.CONNECTOR_REFUSED, ErrorCode.UPSTREAM_FAILED)

ROUTES = [
    post(
        "/connectors/gcs",
        handlers.create_gcs,
        multipart=GcsForm,
        file_parts=("credentials_file",),
        answer=ConnectorAnswer,
        scope=Scope.WRITE,
        status=201,
    ),
    post("/connectors/s3", handlers.create_s3, body=S3Body, answer=ConnectorAnswer, scope=Scope.WRITE, status=201),
    post("/connectors/azure", handlers.create_azure, body=AzureBody, answer=ConnectorAnswer, scope=Scope.WRITE, status=201),
    get("/connectors", handlers.list_all, answer=list[ConnectorAnswer], scope=Scope.READ),
    get("/connectors/{connector_id}", handlers.retrieve, answer=ConnectorAnswer, scope=Scope.READ, errors=_MISSING),
    patch(
        "/connectors/{connector_id}",
        handlers.update,
        body=ConnectorPatch,
        answer=ConnectorAnswer,
        scope=Scope.WRITE,
        errors=(*_MISSING, ErrorCode.CONFLICT),
    ),
    post("/connectors/{connector_id}/test", handlers.test, answer=TestAnswer, scope=Scope.WRITE, errors=_MISSING),
    post(
        "/connectors/{connector_id}/browse",
        handlers.browse,
        body=BrowseBody,
        answer=list[CloudFileAnswer],
        scope=Scope.READ,
        errors=_STORE,
    ),
    delete(
        "/connectors/{connector_id}",
        handlers.delete,
        answer=DeletedAnswer,
        scope=Scope.ADMIN,
        errors=(*_MISSING, ErrorCode.CONNECTOR_IN_USE, ErrorCode.CONFLICT),
    ),
]
