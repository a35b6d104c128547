from functions.api.webhooks import handlers
from functions.api.webhooks.schemas import (
    DeliveryAnswer,
    DeliveryList,
    RotationAnswer,
    TestAnswer,
    WebhookAnswer,
    WebhookCreate,
    WebhookRemovedAnswer,
    WebhookUpdate,
    WebhookWithSecretAnswer,
)
from shared.domain.errors import ErrorCode
from shared.http.routes import Scope, delete, get, patch, post

_WEBHOOK = (ErrorCode.WEBHOOK_NOT_FOUND,)
_DELIVERY = (ErrorCode.DELIVERY_NOT_FOUND,)
_ONE = "/webhooks/{webhook_id}"

ROUTES = [
    get("/webhooks/events", handlers.list_events, scope=Scope.PUBLIC, answer=list[str]),
    post(
        "/webhooks",
        handlers.create,
        body=WebhookCreate,
        scope=Scope.WRITE,
        status=201,
        secret_response=True,
        answer=WebhookWithSecretAnswer,
        errors=(ErrorCode.INDEX_NOT_FOUND, ErrorCode.CONFLICT),
    ),
    get("/webhooks", handlers.list_all, scope=Scope.READ, answer=list[WebhookAnswer]),
    get(_ONE, handlers.retrieve, scope=Scope.READ, answer=WebhookAnswer, errors=_WEBHOOK),
    patch(
        _ONE,
        handlers.update,
        body=WebhookUpdate,
        scope=Scope.WRITE,
        answer=WebhookAnswer,
        errors=(*_WEBHOOK, ErrorCode.INDEX_NOT_FOUND),
    ),
    delete(_ONE, handlers.remove, scope=Scope.ADMIN, answer=WebhookRemovedAnswer, errors=_WEBHOOK),
    post(
        f"{_ONE}/rotate-secret",
        handlers.rotate_secret,
        scope=Scope.WRITE,
        secret_response=True,
        answer=RotationAnswer,
        errors=(*_WEBHOOK, ErrorCode.CONFLICT),
    ),
    post(f"{_ONE}/test", handlers.test, scope=Scope.WRITE, answer=TestAnswer, errors=_WEBHOOK),
    get(
        f"{_ONE}/deliveries",
        handlers.list_deliveries,
        query=DeliveryList,
        scope=Scope.READ,
        answer=list[DeliveryAnswer],
        errors=_WEBHOOK,
    ),
    get(
        "/webhooks/deliveries/{delivery_id}",
        handlers.retrieve_delivery,
        scope=Scope.READ,
        answer=DeliveryAnswer,
        errors=_DELIVERY,
    ),
    post(
        "/webhooks/deliveries/{delivery_id}/retry",
        handlers.retry_delivery,
        scope=Scope.WRITE,
        answer=DeliveryAnswer,
        errors=(*_DELIVERY, ErrorCode.CONFLICT, ErrorCode.VALIDATION_FAILED),
    ),
]
