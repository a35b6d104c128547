from typing import Any

import functions_framework

from functions.api.docs.routes import ROUTES
from shared.http.app import App

app = App("docs", ROUTES, lambda settings: None)


@functions_framework.http
def docs(request: Any) -> Any:
    return app.flask(request)
