from typing import Any

import functions_framework

from functions.api.prompt_runs.handlers import Deps
from functions.api.prompt_runs.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http.app import App
from shared.messaging import queues
from shared.objects import buckets
from shared.store import documents
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    pages = Pages(store, Cursors(settings.cursor_key))
    lists = (Indexes(store), Videos(store, pages), Prompts(store), Runs(store, pages))
    return Deps(store, queues.connect(settings), buckets.connect(settings), pages, *lists)


app = App("prompt_runs", ROUTES, build)


@functions_framework.http
def prompt_runs(request: Any) -> Any:
    return app.flask(request)
