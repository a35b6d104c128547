from typing import Any

import functions_framework

from functions.api.console.handlers import connect
from functions.api.console.routes import ROUTES
from shared.http.app import App

app = App("console", ROUTES, connect)


@functions_framework.http
def console(request: Any) -> Any:
    return app.flask(request)
