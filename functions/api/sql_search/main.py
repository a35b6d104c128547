from typing import Any

import functions_framework

from functions.api.sql_search.handlers import Deps
from functions.api.sql_search.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http import kit
from shared.http.app import App
from shared.inference import models
from shared.store import documents
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.run_tables import PATIENCE, RunTablesOf
from shared.store.runs import Runs
from shared.tables import cache
from shared.tables.asking import SqlTables
from shared.tables.sandbox import Sandbox


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    sandbox = Sandbox()
    sandbox.start()
    runs = Runs(store, Pages(store, Cursors(settings.cursor_key)))
    meter = kit.connect(settings).meter
    tables = SqlTables(store, cache.connect(settings), sandbox, RunTablesOf(store, PATIENCE))
    return Deps(Indexes(store), runs, tables, models.connect(settings), meter)


app = App("sql_search", ROUTES, build)


@functions_framework.http
def sql_search(request: Any) -> Any:
    return app.flask(request)
