from typing import Any

import functions_framework

from functions.api.videos.deps import Deps
from functions.api.videos.routes import ROUTES
from shared.config import Settings
from shared.connectors import opening
from shared.domain.cursors import Cursors
from shared.http.app import App
from shared.messaging import queues, topics
from shared.objects import buckets
from shared.store import documents
from shared.store.connectors import Connectors
from shared.store.deletions import Deletions
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    pages = Pages(store, Cursors(settings.cursor_key))
    return Deps(
        store,
        topics.connect(settings),
        buckets.connect(settings),
        pages,
        Indexes(store),
        Videos(store, pages),
        Runs(store, pages),
        Deletions(store, queues.connect(settings)),
        Connectors(store),
        opening.connect(settings),
    )


app = App("videos", ROUTES, build)


@functions_framework.http
def videos(request: Any) -> Any:
    return app.flask(request)
