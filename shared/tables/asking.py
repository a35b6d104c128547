"""SQL over run tables: whose, of which runs, run in the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.tables import RunTables
from shared.store.documents import Store
from shared.store.run_tables import RunTablesOf
from shared.tables.cache import FileCache, TablesMoved
from shared.tables.catalog import Catalog, catalog_of, view_of
from shared.tables.living import Deletions
from shared.tables.sandbox import Job, Result, Sandbox, folder_of

MOST_RUNS = 100


@dataclass(frozen=True)
class Where:
    """Indexes (`""` is the playground) that the caller may read, and where given only these runs."""

    tenant: str
    index_ids: Sequence[str]
    run_ids: Sequence[str] = ()


class SqlTables:
    def __init__(self, store: Store, files: FileCache, sandbox: Sandbox, tables: RunTablesOf | None = None) -> None:
        self._tables = tables or RunTablesOf(store)
        self._deletions = Deletions(store)
        self._files = files
        self._sandbox = sandbox

    def catalog(self, where: Where) -> Catalog:
        runs = self._runs(where)
        return replace(catalog_of(where.index_ids, runs[:MOST_RUNS]), complete=len(runs) <= MOST_RUNS)

    def run(self, sql: str, where: Where, limit: int) -> Result:
        """Raises what the sandbox raises."""
        try:
            return self._run(sql, where, limit)
        except TablesMoved:  # built anew at this moment: the new version is there
            return self._run(sql, where, limit)

    def _run(self, sql: str, where: Where, limit: int) -> Result:
        catalog = self.catalog(where)
        used = catalog.mentioned(sql)
        runs = {source.run.run_id: source.run for table in used for source in table.sources}
        wanted = {source.table for table in used for source in table.sources}
        deleted = self._deletions.since(where.tenant, runs.values())
        with self._files.hold(list(runs.values()), wanted) as local:
            files = [file for tables in local.values() for some in tables.values() for file in some]
            with folder_of(files) as folder:
                views = {table.name: view_of(table, local, folder, deleted) for table in used}
                return replace(self._sandbox.run(Job(sql, views, limit), folder), complete=catalog.complete)

    def _runs(self, where: Where) -> list[RunTables]:
        """One more than a catalog takes tells whether there are more."""
        if where.run_ids:
            return self._tables.of_runs(where.tenant, where.run_ids)
        return self._tables.over_indexes(where.tenant, where.index_ids, limit=MOST_RUNS + 1)
