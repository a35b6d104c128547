from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.run_turn.turning import LEASE, Deps
from functions.pipeline.run_turn.turning import run_turn as work
from shared.chat.library import open_library
from shared.chat.talking import Deps as TalkDeps
from shared.config import Settings
from shared.inference import models
from shared.messaging.messages import RunTurn
from shared.store import documents
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(store, claims.connect(settings, store, LEASE), TalkDeps(store, models.connect(settings), open_library(settings)))


stage = Stage(RunTurn, work, build)


@functions_framework.http
def run_turn(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
