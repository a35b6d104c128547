"""A catalog and a result on the wire."""

from typing import Any

from functions.api.sql_search.schemas import MOST_ROWS
from shared.tables.asking import MOST_RUNS
from shared.tables.catalog import PLAYGROUND_NAME, Catalog, Table, describe
from shared.tables.functions import FUNCTIONS
from shared.tables.gate import MOST_CHARS
from shared.tables.inmate import MOST_RESULT_BYTES
from shared.tables.sandbox import SECONDS, Result

DIALECT = "duckdb"
LIMITS = {
    "max_query_characters": MOST_CHARS,
    "default_result_limit": 100,
    "max_result_limit": MOST_ROWS,
    "max_result_bytes": MOST_RESULT_BYTES,
    "timeout_seconds": SECONDS,
    "max_runs": MOST_RUNS,
    "statements": "one SELECT; read-only",
}


def catalog_view(catalog: Catalog) -> dict[str, Any]:
    return {
        "dialect": DIALECT,
        "tables": [_table(one) for one in catalog.tables],
        "indexes": [
            {"index_id": one or PLAYGROUND_NAME, "tables": [t.name for t in catalog.tables if one in t.index_ids]}
            for one in catalog.index_ids
        ],
        "runs": [
            {"run_id": run_id, "tables": [t.name for t in catalog.tables if t.run_id == run_id]}
            for run_id in dict.fromkeys(t.run_id for t in catalog.tables if t.run_id)
        ],
        "all_runs": catalog.complete,  # else only the newest `max_runs`: name older ones by `run_ids`
        "default_query": catalog.default_query(),
        "limits": LIMITS,
        "functions": sorted(name for name in FUNCTIONS if name.isidentifier()),
    }


def _table(table: Table) -> dict[str, Any]:
    common = [{"name": n, "type": t, "field_path": None, "description": describe(n)} for n, t in table.common.items()]
    fields = [{"name": one.name, "type": one.sql_type, "field_path": one.path, "description": ""} for one in table.fields]
    return {
        "name": table.name,
        "kind": "items" if table.parent else "results",
        "scope": "run" if table.run_id else "index",
        "level": table.level,
        "index_ids": [one or PLAYGROUND_NAME for one in table.index_ids],
        "run_ids": [source.run.run_id for source in table.sources],
        "parent_table": table.parent or None,
        "join_column": "row_id" if table.parent else None,
        "items_of": table.items_path or None,
        "columns": common + fields,
    }


def result_view(result: Result, sql: str, limit: int) -> dict[str, Any]:
    """`row_context` says by position where a row comes from; it is empty for a row that comes from no one place."""
    return {
        "query": sql,
        "columns": result.columns,
        "rows": result.rows,
        "row_context": result.row_context,
        "row_count": len(result.rows),
        "truncated": result.truncated,
        "applied_result_limit": limit,
        "tables": result.tables,
        "all_runs": result.complete,
        "execution_time_ms": result.milliseconds,
    }
