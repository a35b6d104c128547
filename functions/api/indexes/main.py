from typing import Any

import functions_framework

from functions.api.indexes.handlers import Deps
from functions.api.indexes.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http.app import App
from shared.messaging import queues
from shared.objects import buckets
from shared.store import documents
from shared.store.deletions import Deletions
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    pages = Pages(store, Cursors(settings.cursor_key))
    deletions = Deletions(store, queues.connect(settings))
    sign = buckets.connect(settings).signed_url
    return Deps(store, Indexes(store), Videos(store, pages), Runs(store, pages), Prompts(store), deletions, sign)


app = App("indexes", ROUTES, build)


@functions_framework.http
def indexes(request: Any) -> Any:
    return app.flask(request)
