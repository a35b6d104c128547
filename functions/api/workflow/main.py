from typing import Any

import functions_framework

from functions.api.workflow.handlers import Deps
from functions.api.workflow.routes import ROUTES
from shared import secrets
from shared.calling import api
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.egress import client as egress
from shared.http.app import App
from shared.messaging import queues
from shared.store import documents
from shared.store.imports import Imports
from shared.store.indexes import Indexes


def build(settings: Settings) -> Deps:
    store, cursors = documents.connect(settings), Cursors(settings.cursor_key)
    imports, sealer = Imports(store, queues.connect(settings)), secrets.connect(settings)
    return Deps(api.connect(settings), cursors, store, imports, Indexes(store), egress.connect(settings), sealer)


app = App("workflow", ROUTES, build)


@functions_framework.http
def workflow(request: Any) -> Any:
    return app.flask(request)
