from typing import Any

import functions_framework

from functions.api.api_keys.handlers import Deps
from functions.api.api_keys.routes import ROUTES
from shared.config import Settings
from shared.http import kit
from shared.http.app import App
from shared.store import documents
from shared.store.keys import Keys


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    return Deps(store, Keys(store), settings.api_key_pepper, kit.connect(settings).authenticator.keys.forget)


app = App("api_keys", ROUTES, build)


@functions_framework.http
def api_keys(request: Any) -> Any:
    return app.flask(request)
