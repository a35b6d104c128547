from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.synthesize_video.synthesis import Deps
from functions.pipeline.synthesize_video.synthesis import synthesize_video as work
from shared.config import Settings
from shared.inference import models
from shared.messaging import queues, topics
from shared.messaging.messages import SynthesizeVideo
from shared.objects import buckets
from shared.store import documents
from shared.vectors import index
from shared.work import claims
from shared.work.fan_in import FanIn
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store, facts = documents.connect(settings), topics.connect(settings)
    fan_in = FanIn(store, queues.connect(settings), facts)
    return Deps(
        store,
        facts,
        buckets.connect(settings),
        models.connect(settings),
        index.connect(settings),
        claims.connect(settings, store),
        fan_in,
    )


stage = Stage(SynthesizeVideo, work, build)


@functions_framework.http
def synthesize_video(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
