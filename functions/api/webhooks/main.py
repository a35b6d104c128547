from typing import Any

import functions_framework

from functions.api.webhooks.handlers import Deps
from functions.api.webhooks.routes import ROUTES
from shared import secrets
from shared.config import Settings
from shared.egress import client as egress
from shared.http.app import App
from shared.messaging import queues
from shared.store import documents
from shared.store.indexes import Indexes
from shared.store.webhooks import Webhooks
from shared.webhooks.posting import Posting


def build(settings: Settings) -> Deps:
    store, out, sealer = documents.connect(settings), egress.connect(settings), secrets.connect(settings)
    return Deps(store, queues.connect(settings), Webhooks(store), Indexes(store), out, sealer, Posting(out, sealer))


app = App("webhooks", ROUTES, build)


@functions_framework.http
def webhooks(request: Any) -> Any:
    return app.flask(request)
