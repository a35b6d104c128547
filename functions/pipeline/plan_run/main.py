from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.plan_run.planning import Deps
from functions.pipeline.plan_run.planning import plan_run as work
from shared.config import Settings
from shared.messaging import queues, topics
from shared.messaging.messages import PlanRun
from shared.store import documents
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(
        store=store, queues=queues.connect(settings), topics=topics.connect(settings), claims=claims.connect(settings, store)
    )


stage = Stage(PlanRun, work, build)


@functions_framework.http
def plan_run(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
