from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.import_file.importing import Deps
from functions.pipeline.import_file.importing import import_file as work
from shared.config import Settings
from shared.connectors import opening
from shared.egress import client as egress
from shared.messaging import queues, topics
from shared.messaging.messages import ImportFile
from shared.objects import buckets
from shared.store import documents
from shared.work import claims
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    store = documents.connect(settings)
    return Deps(
        store,
        queues.connect(settings),
        topics.connect(settings),
        buckets.connect(settings),
        claims.connect(settings, store),
        opening.connect(settings),
        egress.connect(settings),
    )


stage = Stage(ImportFile, work, build)


@functions_framework.http
def import_file(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
