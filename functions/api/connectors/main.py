from typing import Any

import functions_framework

from functions.api.connectors.handlers import Deps
from functions.api.connectors.routes import ROUTES
from shared.config import Settings
from shared.connectors import opening
from shared.http.app import App
from shared.messaging import queues
from shared.store import documents
from shared.store.connectors import Connectors


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    own = frozenset({settings.originals_bucket, settings.derived_bucket})
    return Deps(store, queues.connect(settings), Connectors(store), opening.connect(settings), own)


app = App("connectors", ROUTES, build)


@functions_framework.http
def connectors(request: Any) -> Any:
    return app.flask(request)
