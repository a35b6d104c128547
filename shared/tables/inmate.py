"""The process in which one query of a user runs, and nothing else ever after.

Started before it is needed, with an empty environment; it imports, gives up every privilege and says it is ready. Then one job
comes in as a line of JSON, one answer goes out, and it ends. It ends too when whoever started it goes away.
"""

import contextlib
import datetime as dt
import decimal
import json
import math
import os
import sys
from typing import Any

import duckdb

from shared.tables.gate import Checked, Refused, check, first_lines
from shared.tables.literals import quoted

READY = b"ready\n"
ROOM_BYTES = 704 * 1024 * 1024  # of address space beyond what the idle process has
MEMORY = "512MB"  # what the engine itself keeps to
MOST_RESULT_BYTES = 5 * 1024 * 1024
CONTEXT = ("row_id", "run_id", "index_id", "video_id", "segment_id", "start_time", "end_time")
_HIDDEN = "__context_"
_OPEN_FILES = 256
_NOBODY = 65534


def main() -> None:
    connection = _connect()
    _warm(connection)
    _confine()
    os.write(1, READY)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    answer = _answered(connection, json.loads(line))
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    os._exit(0)  # whatever the query left behind needs no tidying


def _connect() -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "threads": 1,
        "memory_limit": MEMORY,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
        "enable_external_file_cache": False,
    }
    return duckdb.connect(":memory:", config=config)


def _warm(connection: duckdb.DuckDBPyConnection) -> None:
    """What the first query would load by and by is loaded before privileges go."""
    check(connection, "SELECT 1 AS one", frozenset())
    connection.execute("SELECT json_deserialize_sql(json_serialize_sql('SELECT 1')), current_date, 1.5::DECIMAL(9, 2)").fetchmany(
        1
    )


def _confine() -> None:
    """No writing, no new processes, little memory; another user where this one may become one. Only some systems know all."""
    import resource

    def limit(name: str, value: int) -> None:
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))

    limit("RLIMIT_CORE", 0)
    limit("RLIMIT_FSIZE", 0)
    limit("RLIMIT_NOFILE", _OPEN_FILES)
    with contextlib.suppress(OSError):
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: SIM115, PTH123
        limit("RLIMIT_AS", size + ROOM_BYTES)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    limit("RLIMIT_NPROC", 0)
    os.nice(5)  # others' requests come first


def _cpu_limit(seconds: int) -> None:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))


def _answered(connection: duckdb.DuckDBPyConnection, job: dict[str, Any]) -> bytes:
    _cpu_limit(job["seconds"])
    folder = job["folder"]
    try:
        answer = _run(connection, job)
    except Refused as refusal:
        answer = {"refused": str(refusal).replace(folder, "…")}
    except MemoryError:
        answer = {"refused": "the query needs more memory than it may use"}
    except duckdb.OutOfMemoryException:
        answer = {"refused": "the query needs more memory than it may use"}
    except duckdb.Error as error:
        answer = {"refused": first_lines(str(error)).replace(folder, "…")}
    content = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    if len(content) > MOST_RESULT_BYTES:
        return json.dumps({"refused": "the result is larger than 5 MB; select fewer rows or columns"}).encode()
    return content


def _run(connection: duckdb.DuckDBPyConnection, job: dict[str, Any]) -> dict[str, Any]:
    views: dict[str, str] = job["views"]
    connection.execute("SET temp_directory = ''")
    connection.execute(f"SET allowed_directories = ['{job['folder']}']")
    connection.execute("SET enable_external_access = false")
    checked = check(connection, job["sql"], frozenset(views))
    for name in checked.tables:
        connection.execute(views[name])
    connection.execute("SET lock_configuration = true")
    limit = job["limit"]
    hidden = _with_context(connection, checked, frozenset(views))
    result = None
    if hidden is not None:
        with contextlib.suppress(duckdb.BinderException):  # it groups, and the context's columns are not grouped by
            result = _executed(connection, _limited(hidden, limit))
    context = len(CONTEXT) if result is not None else 0
    if result is None:
        result = _executed(connection, _limited(checked.sql, limit))
    described = result.description or []
    names = _unique([str(column[0]) for column in described[: len(described) - context]])
    rows = [[_plain(value) for value in row] for row in result.fetchmany(limit + 1)]
    truncated = len(rows) > limit
    return {
        "columns": [{"name": name, "type": str(column[1])} for name, column in zip(names, described, strict=False)],
        "rows": [dict(zip(names, row, strict=False)) for row in rows[:limit]],
        "row_context": [_context(names, row, context) for row in rows[:limit]],
        "truncated": truncated,
        "tables": sorted(checked.tables),
    }


def _executed(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """With moments that know their time zone as text: as objects they would need a library of zones."""
    result = connection.execute(sql)
    described = result.description or []
    if not any("WITH TIME ZONE" in str(column[1]) for column in described):
        return result
    shown = (
        f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" if "WITH TIME ZONE" in str(kind) else quoted(name)
        for name, kind, *_ in described
    )
    return connection.execute(f"SELECT {', '.join(shown)} FROM ({sql})")


def _limited(sql: str, limit: int) -> str:
    """One row more than asked for tells whether there are more. The line break ends a comment."""
    return f"SELECT * FROM (\n{sql.rstrip().rstrip(';')}\n) LIMIT {limit + 1}"


def _with_context(connection: duckdb.DuckDBPyConnection, checked: Checked, tables: frozenset[str]) -> str | None:
    """The query with the columns that say where a row comes from behind its own; None where a row comes from no one place."""
    tree = json.loads(json.dumps(checked.tree))
    node = tree["statements"][0]["node"]
    plain = node.get("type") == "SELECT_NODE" and not node.get("group_expressions")
    if not plain or node.get("aggregate_handling") != "STANDARD_HANDLING":
        return None
    if any(one.get("type") == "DISTINCT_MODIFIER" for one in node.get("modifiers", ())):
        return None
    source = node.get("from_table") or {}
    while source.get("type") == "JOIN":
        source = source.get("left") or {}
    if source.get("type") != "BASE_TABLE" or str(source.get("table_name", "")).lower() not in tables:
        return None
    owner = source.get("alias") or source["table_name"]
    for name in CONTEXT:
        column = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": _HIDDEN + name, "column_names": [owner, name]}
        node["select_list"].append(column)
    try:
        [sql] = connection.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone() or [None]
    except duckdb.Error:
        return None
    return sql


def _context(names: list[str], row: list[Any], hidden: int) -> dict[str, Any]:
    """Where the row comes from, as far as it is known: by its table, else by what it says itself."""
    if hidden:
        known = dict(zip(CONTEXT, row[-hidden:], strict=True))
    else:
        said = {name.lower(): value for name, value in zip(names, row, strict=False)}
        known = {name: said.get(name) for name in CONTEXT}
        kind, _, rest = str(known["row_id"] or "").partition(":")
        identity, _, run_id = rest.partition(":")
        if kind in ("segment", "video") and run_id:
            known["run_id"] = known["run_id"] or run_id
            known[f"{kind}_id"] = known[f"{kind}_id"] or identity
    return {name: value for name, value in known.items() if value is not None}


def _unique(names: list[str]) -> list[str]:
    """Rows are objects, so two columns of one name need two names."""
    made: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in made:
            candidate, number = f"{name}_{number}", number + 1
        made.append(candidate)
    return made


def _plain(value: Any) -> Any:
    """As JSON can say it: times in ISO 8601, what is no number as null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple | set):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return str(value)


if __name__ == "__main__":
    main()
