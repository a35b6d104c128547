from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.build_export.exporting import Deps
from functions.pipeline.build_export.exporting import build_export as work
from shared.config import Settings
from shared.connectors import opening
from shared.messaging import topics
from shared.messaging.messages import BuildExport
from shared.objects import buckets
from shared.store import documents
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(
        store, topics.connect(settings), buckets.connect(settings), opening.connect(settings), claims.connect(settings, store)
    )


stage = Stage(BuildExport, work, build)


@functions_framework.http
def build_export(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
