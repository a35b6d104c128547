"""What SQL may be: honest queries pass whole, and what is refused says why."""

import duckdb
import pytest

from shared.tables.gate import MOST_CHARS, Refused, check

TABLES = frozenset({"t", "u"})
HONEST = [
    "SELECT 1",
    "SELECT * FROM t",
    "FROM t",
    "TABLE t",
    "VALUES (1, 'a')",
    "SELECT T.A, count(*) FROM T GROUP BY ALL ORDER BY 2 DESC NULLS LAST LIMIT 10 OFFSET 2",
    "WITH x AS (SELECT * FROM t), y AS (SELECT * FROM x) SELECT * FROM y JOIN u USING (a)",
    "WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    'SELECT "s.p[].e", unnest("s.p[].e") AS e FROM t WHERE list_contains("s.p[].e", \'x\')',
    "SELECT a FROM t WHERE a BETWEEN 1 AND 3 AND b LIKE '%x%' AND c ILIKE 'x' AND d IS NOT NULL AND e IN (1, 2) AND NOT f",
    "SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END, CAST(a AS VARCHAR), a::INT, TRY_CAST(a AS DOUBLE) FROM t",
    "SELECT row_number() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), lag(a, 1) OVER w FROM t "
    "WINDOW w AS (ORDER BY a)",
    "SELECT count(*) FILTER (WHERE a > 1), count(DISTINCT a), string_agg(a, ',' ORDER BY a), quantile_cont(a, 0.5) FROM t",
    "SELECT * FROM t, unnest(t.l) AS x(v)",
    "SELECT * FROM t, LATERAL (SELECT t.a + 1)",
    "SELECT list_transform(l, lambda x: x + 1), [x FOR x IN l IF x > 1], l[1], l[1:2], {'a': 1}, MAP {'a': 1} FROM t",
    "SELECT * EXCLUDE (a) REPLACE (b AS c) FROM t",
    "SELECT COLUMNS('a.*') FROM t",
    "SELECT DISTINCT ON (a) a, b FROM t",
    "SELECT a FROM t UNION ALL SELECT a FROM u EXCEPT SELECT 1",
    "SELECT (SELECT max(a) FROM t), EXISTS (SELECT 1 FROM t), a IN (SELECT a FROM u) FROM t",
    "SELECT * FROM t LEFT JOIN u ON t.row_id = u.row_id CROSS JOIN t z",
    "SELECT * FROM t QUALIFY row_number() OVER () = 1",
    "SELECT sum(a) FROM t GROUP BY GROUPING SETS ((a), (b)) HAVING sum(a) > 1",
    "SELECT strftime(make_timestamp(0), '%H'), date_trunc('minute', DATE '2020-01-01'), INTERVAL 1 DAY",
    "SELECT coalesce(a, b), a ~ 'x', regexp_extract(a, '(x)', 1), trim(BOTH ' ' FROM a), substring(a FROM 1 FOR 2) FROM t",
    "SELECT 1 -- a comment; with a semicolon",
    "SELECT 1 /* and /* another */ */",
    "SELECT 'DROP TABLE t; it''s text'",
    "SELECT 1;",
]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@pytest.mark.parametrize("sql", HONEST)
def test_an_honest_query_passes(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert check(connection, sql, TABLES).tables <= TABLES


def test_the_tables_that_a_query_reads_are_told(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "WITH x AS (SELECT * FROM T) SELECT * FROM x WHERE EXISTS (SELECT 1 FROM u)"
    assert check(connection, sql, TABLES).tables == {"t", "u"}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM nowhere", "no table 'nowhere'"),
        ("SELECT getenv('HOME')", "function 'getenv'"),
        ("DELETE FROM t", "only SELECT"),
        ("SELECT 1; SELECT 2", "exactly one"),
        ("", "empty"),
        ("WITH t AS (SELECT 1) SELECT * FROM t", "WITH query"),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", "delete query node"),
        ("SELECT " + "x" * MOST_CHARS, "longer"),
        ("SELEC 1", "Parser Error"),
    ],
)
def test_a_refusal_says_why(connection: duckdb.DuckDBPyConnection, sql: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        check(connection, sql, TABLES)


def test_a_name_is_visible_only_where_its_query_is(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(Refused, match="no table 'x'"):
        check(connection, "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) a, x", TABLES)


def test_judging_a_query_runs_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    check(connection, "SELECT * FROM t, u WHERE t.a / 0 = length(repeat('x', 2000000000))", TABLES)
