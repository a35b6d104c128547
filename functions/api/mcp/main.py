from typing import Any

import functions_framework.aio

from functions.api.mcp.handlers import Deps
from functions.api.mcp.routes import ROUTES
from shared.config import Settings
from shared.http.app import App
from shared.http.streaming import serve


def build(settings: Settings) -> Deps:
    return Deps(settings.api_base_url, bool(settings.forwarded_authorization))


app = App("mcp", ROUTES, build)


@functions_framework.aio.http
async def mcp(request: Any) -> Any:
    return await serve(app, request)
