from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.deliver_webhook.delivering import Deps
from functions.pipeline.deliver_webhook.delivering import deliver_webhook as work
from functions.pipeline.deliver_webhook.lanes import Lanes
from shared import secrets
from shared.config import Settings
from shared.egress import client as egress
from shared.messaging import queues
from shared.messaging.messages import DeliverWebhook
from shared.store import documents
from shared.store.webhooks import Webhooks
from shared.webhooks.posting import Posting
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    posting = Posting(egress.connect(settings), secrets.connect(settings))
    return Deps(store, queues.connect(settings), Webhooks(store), posting, Lanes())


stage = Stage(DeliverWebhook, work, build)


@functions_framework.http
def deliver_webhook(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
