from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.build_tables.building import Deps
from functions.pipeline.build_tables.building import build_tables as work
from shared.config import Settings
from shared.messaging import queues
from shared.messaging.messages import BuildTables
from shared.objects import buckets
from shared.store import documents
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(store, queues.connect(settings), buckets.connect(settings), claims.connect(settings, store))


stage = Stage(BuildTables, work, build)


@functions_framework.http
def build_tables(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
