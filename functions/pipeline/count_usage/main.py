from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.count_usage.counting import Deps
from functions.pipeline.count_usage.counting import count_usage as work
from shared.config import Settings
from shared.messaging.messages import EventHappened
from shared.store import documents
from shared.store.usage import Usage
from shared.work.stage import Stage


@cache
def build() -> Deps:
    store = documents.connect(Settings.from_env())
    return Deps(store, Usage(store))


stage = Stage(EventHappened, work, build)


@functions_framework.http
def count_usage(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
