from typing import Any

import functions_framework

from functions.api.automations.handlers import Deps
from functions.api.automations.routes import ROUTES
from shared.config import Settings
from shared.http.app import App
from shared.messaging import queues
from shared.store import documents
from shared.store.automations import Automations
from shared.store.connectors import Connectors
from shared.store.indexes import Indexes
from shared.store.prompts import Prompts


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    return Deps(store, Automations(store, queues.connect(settings)), Indexes(store), Connectors(store), Prompts(store))


app = App("automations", ROUTES, build)


@functions_framework.http
def automations(request: Any) -> Any:
    return app.flask(request)
