from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.sequence_events.sequencing import Deps
from functions.pipeline.sequence_events.sequencing import sequence_events as work
from shared.config import Settings
from shared.messaging.messages import EventHappened
from shared.store import documents
from shared.work.stage import Stage

PACE_SECONDS = 0.1


@cache
def build() -> Deps:
    return Deps(documents.connect(Settings.from_env()), PACE_SECONDS)


stage = Stage(EventHappened, work, build)


@functions_framework.http
def sequence_events(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
