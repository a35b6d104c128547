from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.tick.sweeping import Deps
from functions.pipeline.tick.sweeping import tick as work
from shared.config import Settings
from shared.messaging import queues, topics
from shared.messaging.messages import Tick
from shared.store import documents
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    return Deps(documents.connect(settings), queues.connect(settings), topics.connect(settings))


stage = Stage(Tick, work, build)


@functions_framework.http
def tick(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
