from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.run_automation.automating import Deps
from functions.pipeline.run_automation.automating import run_automation as work
from shared.config import Settings
from shared.connectors import opening
from shared.messaging import queues
from shared.messaging.messages import RunAutomation
from shared.store import documents
from shared.store.automations import Automations
from shared.store.imports import Imports
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store, sender = documents.connect(settings), queues.connect(settings)
    kept = (Automations(store, sender), Imports(store, sender))
    return Deps(store, sender, *kept, opening.connect(settings), claims.connect(settings, store))


stage = Stage(RunAutomation, work, build)


@functions_framework.http
def run_automation(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
