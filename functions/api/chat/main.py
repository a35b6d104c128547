from typing import Any

import functions_framework.aio

from functions.api.chat.handlers import Deps
from functions.api.chat.routes import ROUTES
from shared.chat.following import Follower
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.http.app import App
from shared.http.streaming import serve
from shared.messaging import queues
from shared.store import documents
from shared.store.chats import Chats
from shared.store.deletions import Deletions
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos


def build(settings: Settings) -> Deps:
    store, sender = documents.connect(settings), queues.connect(settings)
    pages = Pages(store, Cursors(settings.cursor_key))
    runs, videos = Runs(store, pages), Videos(store, pages)
    return Deps(store, sender, Chats(store), Indexes(store), runs, videos, Deletions(store, sender), Follower(store))


app = App("chat", ROUTES, build)


@functions_framework.aio.http
async def chat(request: Any) -> Any:
    return await serve(app, request)
