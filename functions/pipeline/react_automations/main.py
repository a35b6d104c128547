from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.react_automations.reacting import Deps
from functions.pipeline.react_automations.reacting import react_automations as work
from shared.config import Settings
from shared.messaging import queues
from shared.messaging.messages import EventHappened
from shared.store import documents
from shared.store.automations import Automations
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(store, Automations(store, queues.connect(settings)))


stage = Stage(EventHappened, work, build)


@functions_framework.http
def react_automations(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
