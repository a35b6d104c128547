from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.process_segment.deps import Deps
from functions.pipeline.process_segment.processing import process_segment as work
from shared.config import Settings
from shared.inference import models
from shared.messaging import queues, topics
from shared.messaging.messages import ProcessSegment
from shared.objects import buckets
from shared.store import documents
from shared.vectors import index
from shared.work import claims
from shared.work.fan_in import FanIn
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store, sender = documents.connect(settings), queues.connect(settings)
    fan_in = FanIn(store, sender, topics.connect(settings))
    return Deps(
        store,
        sender,
        buckets.connect(settings),
        models.connect(settings),
        index.connect(settings),
        claims.connect(settings, store),
        fan_in,
    )


stage = Stage(ProcessSegment, work, build)


@functions_framework.http
def process_segment(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
