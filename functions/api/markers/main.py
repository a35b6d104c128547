from typing import Any

import functions_framework

from functions.api.markers.handlers import Deps
from functions.api.markers.routes import ROUTES
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http.app import App
from shared.store import documents
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos


def build(settings: Settings) -> Deps:
    store = documents.connect(settings)
    pages = Pages(store, Cursors(settings.cursor_key))
    return Deps(store, Markers(store), Prompts(store), Runs(store, pages), Videos(store, pages))


app = App("markers", ROUTES, build)


@functions_framework.http
def markers(request: Any) -> Any:
    return app.flask(request)
