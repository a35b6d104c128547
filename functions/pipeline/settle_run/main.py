from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.settle_run.settling import Deps
from functions.pipeline.settle_run.settling import settle_run as work
from shared.config import Settings
from shared.messaging import queues, topics
from shared.messaging.messages import SettleRun
from shared.store import documents
from shared.work.fan_in import FanIn
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store, sender, facts = documents.connect(settings), queues.connect(settings), topics.connect(settings)
    return Deps(store, sender, facts, FanIn(store, sender, facts))


stage = Stage(SettleRun, work, build)


@functions_framework.http
def settle_run(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
