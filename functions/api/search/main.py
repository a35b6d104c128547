from typing import Any

import functions_framework

from functions.api.search.handlers import Deps
from functions.api.search.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http.app import App
from shared.inference import models
from shared.objects import buckets
from shared.search.image import ImageSearch
from shared.search.text import TextSearch
from shared.store import documents
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.run_tables import PATIENCE, RunTablesOf
from shared.store.runs import Runs
from shared.tables import cache
from shared.tables.filtering import FilterSearch
from shared.vectors import index


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    vectors, asked = index.connect(settings), models.connect(settings)
    cursors = Cursors(settings.cursor_key)
    runs = Runs(store, Pages(store, cursors))
    texts, images = TextSearch(store, vectors, asked), ImageSearch(store, vectors, asked)
    filters = FilterSearch(store, cache.connect(settings), cursors, tables=RunTablesOf(store, PATIENCE))
    return Deps(Indexes(store), runs, buckets.connect(settings), texts, images, Markers(store), filters)


app = App("search", ROUTES, build)


@functions_framework.http
def search(request: Any) -> Any:
    return app.flask(request)
