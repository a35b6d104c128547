from typing import Any

import functions_framework

from functions.api.usage.handlers import Deps
from functions.api.usage.routes import ROUTES
from shared.config import Settings
from shared.http import kit as kits
from shared.http.app import App
from shared.store import documents
from shared.store.usage import Usage


def build(settings: Settings) -> Deps:
    store, kit = documents.connect(settings), kits.connect(settings)
    return Deps(store.clock, Usage(store), kit.limits, kit.meter.flush)


app = App("usage", ROUTES, build)


@functions_framework.http
def usage(request: Any) -> Any:
    return app.flask(request)
