from typing import Any

import functions_framework

from functions.api.prompts.handlers import Deps
from functions.api.prompts.routes import ROUTES
from shared.config import Settings
from shared.http import kit
from shared.http.app import App
from shared.inference import models
from shared.store import documents
from shared.store.prompts import Prompts


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    return Deps(store, Prompts(store), lambda: models.connect(settings), kit.connect(settings).meter)


app = App("prompts", ROUTES, build)


@functions_framework.http
def prompts(request: Any) -> Any:
    return app.flask(request)
