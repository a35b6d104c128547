from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.cut_segments.cutting import Deps
from functions.pipeline.cut_segments.cutting import cut_segments as work
from shared.config import Settings
from shared.messaging import queues, topics
from shared.messaging.messages import CutSegments
from shared.objects import buckets
from shared.store import documents
from shared.work import claims
from shared.work.fan_in import FanIn
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store, sender, facts = documents.connect(settings), queues.connect(settings), topics.connect(settings)
    return Deps(store, sender, facts, buckets.connect(settings), claims.connect(settings, store), FanIn(store, sender, facts))


stage = Stage(CutSegments, work, build)


@functions_framework.http
def cut_segments(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
