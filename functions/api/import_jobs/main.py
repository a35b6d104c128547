from typing import Any

import functions_framework

from functions.api.import_jobs.handlers import Deps
from functions.api.import_jobs.routes import ROUTES
from shared import secrets
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.egress import client as egress
from shared.http.app import App
from shared.messaging import queues
from shared.store import documents
from shared.store.connectors import Connectors
from shared.store.imports import Imports
from shared.store.indexes import Indexes
from shared.store.pages import Pages


def build(settings: Settings) -> Deps:
    store, cursors = documents.connect(settings), Cursors(settings.cursor_key)
    imports = Imports(store, queues.connect(settings))
    out, sealer = egress.connect(settings), secrets.connect(settings)
    return Deps(store, imports, Connectors(store), Indexes(store), Pages(store, cursors), cursors, out, sealer)


app = App("import_jobs", ROUTES, build)


@functions_framework.http
def import_jobs(request: Any) -> Any:
    return app.flask(request)
