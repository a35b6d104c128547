"""What SQL of a user may be: one SELECT over tables of the catalog, with functions that compute.

It is judged by the engine's own parse tree, so there is no second parser to disagree with the one that runs it. Everything is a
list of what is allowed; what a later engine adds is refused until it is added here.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import duckdb

from shared.tables.functions import FUNCTIONS, TABLE_FUNCTIONS

MOST_CHARS = 16_000

_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLES = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "EMPTY_FROM"})
_MODIFIERS = frozenset({"ORDER_MODIFIER", "LIMIT_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_PERCENT_MODIFIER"})
_ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING", "INVALID"})
_COMPUTED = frozenset({"FUNCTION", "COMPARISON", "CONJUNCTION", "OPERATOR", "CASE", "CAST", "WINDOW", "BETWEEN", "LAMBDA"})
_CLASSES = _COMPUTED | {"COLUMN_REF", "CONSTANT", "STAR", "SUBQUERY", "LAMBDA_REF", "POSITIONAL_REFERENCE", "TYPE"}
_PLAIN_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
_SYSTEM_NAME = re.compile(r"^(duckdb|pg|sqlite|pragma|information|main|temp|system)_", re.IGNORECASE)


class Refused(Exception):
    """Says in the user's words why the query is not run."""


@dataclass(frozen=True)
class Checked:
    """A query that may run: `tree` as the engine parsed it, and the catalog tables it reads."""

    sql: str
    tree: dict[str, Any]
    tables: frozenset[str]


def check(connection: duckdb.DuckDBPyConnection, sql: str, tables: frozenset[str]) -> Checked:
    """Raises `Refused`. `tables` are the catalog's names in lower case. Parses; binds and runs nothing."""
    if len(sql) > MOST_CHARS:
        raise Refused(f"the query is longer than {MOST_CHARS} characters")
    if "\x00" in sql:
        raise Refused("the query holds a character that SQL does not have")
    statements = _statements(connection, sql)
    if len(statements) != 1:
        raise Refused("send exactly one statement" if statements else "the query is empty")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise Refused("only SELECT is allowed")
    [text] = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone() or [""]
    try:
        tree = json.loads(text)
        if tree.get("error") or len(tree.get("statements", ())) != 1:
            raise Refused("only SELECT is allowed")
        walk = _Walk(tables)
        walk.visit(tree["statements"][0]["node"], frozenset())
    except RecursionError as error:
        raise Refused("the query is nested too deeply") from error
    return Checked(sql, tree, frozenset(walk.used))


def _statements(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    try:
        return connection.extract_statements(sql)
    except duckdb.Error as error:
        raise Refused(first_lines(str(error))) from error


def first_lines(message: str, most: int = 500) -> str:
    """An engine's message without what it draws below."""
    return message.split("\n\n")[0].strip()[:most]


@dataclass
class _Walk:
    """Visits every node with the names of the CTEs that are visible there."""

    tables: frozenset[str]
    used: set[str] = field(default_factory=set)

    def visit(self, value: Any, visible: frozenset[str]) -> None:
        if isinstance(value, list):
            for child in value:
                self.visit(child, visible)
        elif isinstance(value, dict):
            self._judge(value, visible)
            visible = self._ctes(value.get("cte_map"), visible)
            for name, child in value.items():
                if name != "cte_map":
                    self.visit(child, visible)

    def _ctes(self, ctes: Any, visible: frozenset[str]) -> frozenset[str]:
        """Each sees those before it, and itself only where it is recursive: else its name would mean another table."""
        for entry in (ctes or {}).get("map", ()):
            name = str(entry["key"]).lower()
            if not _PLAIN_NAME.match(name) or _SYSTEM_NAME.match(name) or name in self.tables:
                raise Refused(f"{name[:80]!r} cannot be the name of a WITH query; use a plain name that is no table's")
            node = entry["value"]["query_node"] if "query_node" in entry["value"] else entry["value"]["query"]["node"]
            recursive = node.get("type") == "RECURSIVE_CTE_NODE"
            self.visit(entry["value"], visible | {name} if recursive else visible)
            visible |= {name}
        return visible

    def _judge(self, node: dict[str, Any], visible: frozenset[str]) -> None:
        kind = node.get("type")
        if "class" in node:
            if node["class"] not in _CLASSES:
                raise Refused(f"{str(node['class']).lower().replace('_', ' ')} is not allowed here")
            if node["class"] in ("FUNCTION", "WINDOW") and node.get("function_name"):
                self._function(node)
        elif kind == "BASE_TABLE":
            self._table(node, visible)
        elif kind == "TABLE_FUNCTION":
            self._table_function(node)
        elif isinstance(kind, str) and kind not in _NODES | _TABLES | _MODIFIERS | _ORDERS and not kind.endswith("TYPE_INFO"):
            raise Refused(f"{kind.lower().replace('_', ' ')} is not allowed; only SELECT over the catalog's tables is")

    def _table(self, node: dict[str, Any], visible: frozenset[str]) -> None:
        name = str(node.get("table_name", ""))
        path = (node.get("qualified_name") or {}).get("path", [name])
        plain = len(path) == 1 and not node.get("schema_name") and not node.get("catalog_name") and not node.get("at_clause")
        if not plain or name.lower() not in self.tables | visible:
            raise Refused(f"there is no table {'.'.join(map(str, path))[:120]!r} in this catalog")
        if name.lower() in self.tables:
            self.used.add(name.lower())

    def _table_function(self, node: dict[str, Any]) -> None:
        function = node.get("function") or {}
        name = _function_name(function)
        if function.get("class") != "FUNCTION" or name not in TABLE_FUNCTIONS:
            raise Refused(f"the table function {name[:80]!r} is not allowed")

    def _function(self, node: dict[str, Any]) -> None:
        name = _function_name(node)
        if name not in FUNCTIONS:
            raise Refused(f"the function {name[:80]!r} is not allowed")


def _function_name(node: dict[str, Any]) -> str:
    """In lower case; with a schema or a catalog it is no name that is on the list."""
    path = (node.get("qualified_name") or {}).get("path") or [node.get("function_name", "")]
    qualified = len(path) > 1 or node.get("schema") not in ("", None, "main") or node.get("catalog")
    return ".".join(map(str, path)).lower() if not qualified else "a qualified one"
