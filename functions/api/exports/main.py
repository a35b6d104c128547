from typing import Any

import functions_framework

from functions.api.exports.handlers import Deps
from functions.api.exports.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.domain.exports import DownloadTokens
from shared.http.app import App
from shared.messaging import queues
from shared.objects import buckets
from shared.store import documents
from shared.store.connectors import Connectors
from shared.store.exports import Exports
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    lists = (Indexes(store), Runs(store, Pages(store, Cursors(settings.cursor_key))), Connectors(store), Exports(store))
    tokens = DownloadTokens(settings.cursor_key)
    return Deps(store, queues.connect(settings), buckets.connect(settings), *lists, tokens, settings.api_base_url)


app = App("exports", ROUTES, build)


@functions_framework.http
def exports(request: Any) -> Any:
    return app.flask(request)
