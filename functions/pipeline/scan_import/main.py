from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.scan_import.scanning import Deps
from functions.pipeline.scan_import.scanning import scan_import as work
from shared.config import Settings
from shared.connectors import opening
from shared.messaging import queues, topics
from shared.messaging.messages import ScanImport
from shared.store import documents
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(
        store, queues.connect(settings), topics.connect(settings), claims.connect(settings, store), opening.connect(settings)
    )


stage = Stage(ScanImport, work, build)


@functions_framework.http
def scan_import(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
