from functools import cache
from typing import Any

import functions_framework

from functions.pipeline.ingest_media.ingesting import Deps
from functions.pipeline.ingest_media.ingesting import ingest_media as work
from shared.config import Settings
from shared.messaging import topics
from shared.messaging.messages import MediaStored
from shared.objects import buckets
from shared.store import documents
from shared.work.stage import Stage


@cache
def build() -> Deps:
    settings = Settings.from_env()
    return Deps(documents.connect(settings), topics.connect(settings), buckets.connect(settings))


stage = Stage(MediaStored, work, build)


@functions_framework.http
def ingest_media(request: Any) -> tuple[str, int, dict[str, str]]:
    return stage.flask(request)
