from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.fan_out_webhooks.fanning import Deps
from functions.pipeline.fan_out_webhooks.fanning import fan_out_webhooks as work
from shared.config import Settings
from shared.messaging import queues
from shared.messaging.messages import EventHappened
from shared.store import documents
from shared.store.webhooks import Webhooks
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(store, queues.connect(settings), Webhooks(store))


stage = Stage(EventHappened, work, build)


@functions_framework.http
def fan_out_webhooks(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
