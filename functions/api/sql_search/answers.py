"""What SQL search answers."""

from typing import Literal

from typing_extensions import TypedDict

from shared.http.answers import Object


class CatalogColumnAnswer(TypedDict):
    """`field_path` is the extracted field that the column holds; null for a column that every table has."""

    name: str
    type: str
    field_path: str | None
    description: str


class CatalogTableAnswer(TypedDict):
    name: str
    kind: Literal["items", "results"]
    scope: Literal["run", "index"]
    level: str
    index_ids: list[str]
    run_ids: list[str]
    parent_table: str | None
    join_column: str | None
    items_of: str | None
    columns: list[CatalogColumnAnswer]


class IndexTablesAnswer(TypedDict):
    index_id: str
    tables: list[str]


class RunTablesAnswer(TypedDict):
    run_id: str
    tables: list[str]


class LimitsAnswer(TypedDict):
    max_query_characters: int
    default_result_limit: int
    max_result_limit: int
    max_result_bytes: int
    timeout_seconds: float
    max_runs: int
    statements: str


class CatalogAnswer(TypedDict):
    """`all_runs`: whether every run of the index is in it, rather than the newest `max_runs`."""

    dialect: str
    tables: list[CatalogTableAnswer]
    indexes: list[IndexTablesAnswer]
    runs: list[RunTablesAnswer]
    all_runs: bool
    default_query: str
    limits: LimitsAnswer
    functions: list[str]


class ResultColumnAnswer(TypedDict):
    name: str
    type: str


class SqlResultAnswer(TypedDict):
    """`row_context` says by position where a row comes from; it is empty for a row that comes from no one place.
    `all_runs`: whether every run of the index was looked at, rather than the newest alone."""

    query: str
    columns: list[ResultColumnAnswer]
    rows: list[Object]
    row_context: list[Object]
    row_count: int
    truncated: bool
    applied_result_limit: int
    tables: list[str]
    all_runs: bool
    execution_time_ms: float


class WrittenQueryAnswer(TypedDict):
    query: str
    explanation: str
    model: str
    tables: list[str]
