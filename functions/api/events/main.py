from typing import Any

import functions_framework.aio

from functions.api.events.handlers import Deps
from functions.api.events.routes import ROUTES
from functions.api.events.tailing import Tails
from shared.config import Settings
from shared.http import kit
from shared.http.app import App
from shared.http.streaming import serve
from shared.store import documents


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    return Deps(store, Tails(store), kit.connect(settings).authenticator.caller)


app = App("events", ROUTES, build)


@functions_framework.aio.http
async def events(request: Any) -> Any:
    return await serve(app, request)
