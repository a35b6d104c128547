"""What a turn's tools read from, over the clients of this process."""

from shared.chat.tools import Library
from shared.config import Settings
from shared.domain.cursors import Cursors
from shared.inference import models
from shared.search.text import TextSearch
from shared.store import documents
from shared.store.pages import Pages
from shared.store.run_tables import PATIENCE, RunTablesOf
from shared.store.runs import Runs
from shared.store.videos import Videos
from shared.tables import cache
from shared.tables.asking import SqlTables
from shared.tables.filtering import FilterSearch
from shared.tables.sandbox import Sandbox
from shared.vectors import index


def open_library(settings: Settings) -> Library:
    """With a reserve of processes for SQL, filled by the first query: most turns have none."""
    store, files = documents.connect(settings), cache.connect(settings)
    cursors = Cursors(settings.cursor_key)
    pages, tables = Pages(store, cursors), RunTablesOf(store, PATIENCE)
    return Library(
        store=store,
        runs=Runs(store, pages),
        videos=Videos(store, pages),
        texts=TextSearch(store, index.connect(settings), models.connect(settings)),
        filters=FilterSearch(store, files, cursors, tables=tables),
        tables=SqlTables(store, files, Sandbox(), tables),
    )
