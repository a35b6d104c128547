"""SQL for a turn: the catalog in few words, and rows that lead back to the results they come from."""

from typing import Any

from shared.chat.scope import ChatScope
from shared.chat.shelf import Brought
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Video
from shared.domain.runs import RunMedia
from shared.search.found import Found, RowKey
from shared.search.joining import Joiner
from shared.store.documents import Store
from shared.tables.asking import SqlTables, Where
from shared.tables.catalog import Table
from shared.tables.sandbox import Busy, QueryRefused, QueryTimedOut

MOST_TABLES = 12
MOST_COLUMNS = 60
MOST_CELL = 300  # characters of a value that the model reads
MOST_TOLD = 12_000  # of all rows


def describe(tables: SqlTables, scope: ChatScope) -> Brought:
    catalog = tables.catalog(_where(scope))
    shown = [_told(one) for one in catalog.tables[:MOST_TABLES]]
    told: dict[str, Any] = {"dialect": "duckdb", "tables": shown}
    if catalog.tables:
        told["example"] = catalog.default_query()
    return Brought(told=told, count=len(catalog.tables))


def query(tables: SqlTables, store: Store, scope: ChatScope, sql: str, limit: int) -> Brought:
    """Raises an `ApiError` that says what is wrong with the query."""
    try:
        result = tables.run(sql, _where(scope), limit)
    except QueryRefused as refusal:
        raise ApiError(ErrorCode.INVALID_QUERY, str(refusal)) from refusal
    except QueryTimedOut as error:
        raise ApiError(ErrorCode.QUERY_TIMEOUT, "the query took too long; ask for less") from error
    except Busy as error:
        raise ApiError(ErrorCode.RATE_LIMITED, "too many queries are running; try once more", retry_after=2) from error
    found = _results(store, scope, result.row_context)
    columns = [one["name"] for one in result.columns]
    rows = [{name: _cell(row.get(name)) for name in columns} for row in result.rows]
    table = {"columns": result.columns, "rows": rows, "truncated": result.truncated}
    return Brought(found, {"rows": _fitting(rows), "truncated": result.truncated}, {"sql": sql, "limit": limit}, table)


def _where(scope: ChatScope) -> Where:
    return Where(scope.owner, list(scope.index_ids), list(scope.run_ids))


def _told(table: Table) -> dict[str, Any]:
    columns = {**table.common, **{one.name: one.sql_type for one in table.fields[:MOST_COLUMNS]}}
    told: dict[str, Any] = {"name": table.name, "rows_are": table.level, "columns": columns}
    if table.parent:
        told |= {"items_of": table.items_path, "parent_table": table.parent, "join_on": "row_id"}
    return told


def _results(store: Store, scope: ChatScope, contexts: list[dict[str, Any]]) -> list[Found]:
    """The living results behind rows, in their order; a row of a count comes from none."""
    keys: list[RowKey] = []
    for one in contexts:
        kind, _, rest = str(one.get("row_id") or "").partition(":")
        run_id, video_id = one.get("run_id"), one.get("video_id")
        segment_id = one.get("segment_id") or (rest.partition(":")[0] if kind == "segment" else "")
        if run_id and video_id:
            keys.append((str(run_id), str(video_id), str(segment_id or "")))
    keys = _in_scope(store, scope, keys)
    joined = Joiner(store).join(scope.owner, keys)
    found = [Found(joined[key].run, joined[key].video, joined[key].row) for key in keys if key in joined]
    return [one for one in found if scope.admits(one)]


def _in_scope(store: Store, scope: ChatScope, keys: list[RowKey]) -> list[RowKey]:
    """A query can put any ids into its rows: only of those that lie in the scope is more read than where they lie."""
    admitted = [key for key in dict.fromkeys(keys) if not scope.run_ids or key[0] in scope.run_ids]
    videos = store.get_all(Video, [(scope.owner, one) for one in {key[1] for key in admitted}], only=("index_id",))
    inside = {one.video_id for one in videos if scope.has(one)}
    looked_at = {key[:2] for key in admitted if key[1] in inside}
    media = store.get_all(RunMedia, [(scope.owner, *one) for one in looked_at], only=("status",))
    known = {(one.run_id, one.video_id) for one in media}
    return [key for key in admitted if key[:2] in known]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MOST_CELL else value[: MOST_CELL - 1] + "…"
    if isinstance(value, list | dict):
        text = str(value)
        return value if len(text) <= MOST_CELL else text[: MOST_CELL - 1] + "…"
    return value


def _fitting(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    fitting, room = [], MOST_TOLD
    for row in rows:
        room -= len(str(row))
        if room < 0:
            break
        fitting.append(row)
    return fitting
