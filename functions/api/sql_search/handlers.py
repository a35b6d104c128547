"""SQL over what runs found: what there is to ask, asking it, and having the question written."""

from dataclasses import dataclass
from typing import Any

from functions.api.sql_search.generating import Generator
from functions.api.sql_search.schemas import CatalogBody, GenerateBody, SqlBody
from functions.api.sql_search.views import catalog_view, result_view
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.http.call import Call
from shared.inference.models import Models
from shared.store.indexes import Indexes
from shared.store.runs import Runs
from shared.tables.asking import SqlTables, Where
from shared.tables.catalog import PLAYGROUND_NAME
from shared.tables.sandbox import Busy, QueryRefused, QueryTimedOut, Result
from shared.usage.meter import Meter
from shared.usage.metered import MeteredModels


@dataclass
class Deps:
    indexes: Indexes
    runs: Runs
    tables: SqlTables
    models: Models
    meter: Meter


def catalog(call: Call[CatalogBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """List the tables, columns and limits of SQL search"""
    return catalog_view(deps.tables.catalog(_where(call.tenant, index_id, call.body, deps)))


def execute(call: Call[SqlBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """Run one SELECT over the tables of completed runs"""
    where, body = _where(call.tenant, index_id, call.body, deps), call.body
    return result_view(_run(deps, body.query, where, body.result_limit), body.query, body.result_limit)


def generate(call: Call[GenerateBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """Write a query from an instruction in plain words"""
    where, body = _where(call.tenant, index_id, call.body, deps), call.body
    found = deps.tables.catalog(where)
    models = MeteredModels(deps.models, deps.meter, call.tenant)
    generator = Generator(models, found, lambda sql: deps.tables.run(sql, where, 1))
    try:
        written = generator.write(body.instruction, body.existing_query or "")
    except QueryRefused as refusal:
        raise ApiError(ErrorCode.INVALID_QUERY, f"existing_query: {refusal}") from refusal
    except (QueryTimedOut, Busy) as error:
        raise _as_error(error) from error
    return {"query": written.query, "explanation": written.explanation, "model": written.model, "tables": written.tables}


def _where(tenant: str, index_id: str, body: CatalogBody, deps: Deps) -> Where:
    """An index or a run that is not there is a 404, also where it is another tenant's."""
    asked = list(dict.fromkeys(body.index_ids or [index_id]))
    owners = {one: _owner(tenant, one, deps) for one in dict.fromkeys([index_id, *asked])}
    if len({owners[one] for one in asked}) > 1:
        raise invalid("index_ids", "query your own indexes and shared ones one after the other")
    owner = owners[asked[0]]
    run_ids = list(dict.fromkeys(body.run_ids or []))
    known = {run.run_id for run in deps.runs.get_many(owner, run_ids)} if run_ids else set()
    for run_id in run_ids:
        if run_id not in known:
            deps.runs.get(tenant, run_id)
    return Where(owner, ["" if one == PLAYGROUND_NAME else one for one in asked], run_ids)


def _owner(tenant: str, index_id: str, deps: Deps) -> str:
    return tenant if index_id == PLAYGROUND_NAME else deps.indexes.get(tenant, index_id).tenant


def _run(deps: Deps, sql: str, where: Where, limit: int) -> Result:
    try:
        return deps.tables.run(sql, where, limit)
    except (QueryRefused, QueryTimedOut, Busy) as error:
        raise _as_error(error) from error


def _as_error(error: Exception) -> ApiError:
    if isinstance(error, QueryTimedOut):
        return ApiError(ErrorCode.QUERY_TIMEOUT, "the query was stopped: it took longer than a query may")
    if isinstance(error, Busy):
        return ApiError(ErrorCode.RATE_LIMITED, "too many queries are running at the moment", retry_after=2)
    message = str(error)
    return ApiError(ErrorCode.INVALID_QUERY, message, details={"errors": [{"field": "query", "message": message}]})
