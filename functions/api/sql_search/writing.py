"""A query from an instruction by rules, grounded in the catalog: it names only columns that are there and values that were said.

It knows conditions (`emotion is happy`, `viewers more than 5`), counts and averages, groups, order and how many. What it cannot
place it leaves out, and says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from functions.api.sql_search.sentences import Mention, Sentence, Test, read
from shared.tables.catalog import Catalog, Table
from shared.tables.literals import quoted, text

_SHOWN = 6
_ROWS = 100
_BASE = ("video_name", "start_time", "end_time")
_SPOKEN = {
    (sign, negated): f"{'not ' if negated else ''}{sign}"
    for sign in (">", ">=", "<", "<=", "contains", "starts", "ends")
    for negated in (False, True)
} | {("=", False): "is", ("=", True): "is not"}


@dataclass(frozen=True)
class Draft:
    query: str
    explanation: str


class Writer:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def write(self, instruction: str) -> Draft:
        table = self._table(instruction)
        sentence = read(instruction, _mentions(table))
        if sentence.aggregate:
            return _grouped(table.name, sentence)
        fields = [one.column for one in sentence.mentioned] or [one.name for one in table.fields]
        base = [name for name in _BASE if name in table.common]
        shown = list(dict.fromkeys([*base, *fields[:_SHOWN], "row_id"]))
        order = sentence.order or [(name, False) for name in base[:2]]
        return Draft(
            _lines(
                f"SELECT {', '.join(map(_named, shown))}",
                f"FROM {table.name}",
                _where(sentence),
                "ORDER BY " + ", ".join(f"{_named(name)}{' DESC NULLS LAST' if down else ''}" for name, down in order),
                f"LIMIT {sentence.limit or _ROWS}",
            ),
            _said(sentence, table.name),
        )

    def amend(self, instruction: str, existing: str, columns: Sequence[tuple[str, str]]) -> Draft:
        """The existing query as a table, narrowed, ordered or counted by the columns that it has."""
        sentence = read(instruction, [Mention.of(name, name, kind) for name, kind in columns])
        inner = existing.strip().rstrip(";")
        source = f"(\n{inner}\n) AS earlier"
        if sentence.aggregate:
            return _grouped(source, sentence)
        down = [f"{_named(name)}{' DESC NULLS LAST' if falling else ''}" for name, falling in sentence.order]
        return Draft(
            _lines(
                "SELECT *",
                f"FROM {source}",
                _where(sentence),
                f"ORDER BY {', '.join(down)}" if down else "",
                f"LIMIT {sentence.limit}" if sentence.limit else "",
            ),
            _said(sentence, "the existing query"),
        )

    def plain(self, existing: str) -> Draft:
        """What certainly runs: the existing query as it was, else the catalog's own."""
        if existing:
            return Draft(existing, "The instruction could not be placed in the existing query; it is unchanged.")
        return Draft(self._catalog.default_query(), "The instruction could not be placed; this shows the first results.")

    def _table(self, instruction: str) -> Table:
        """A table that is named counts, else the main one."""
        named = self._catalog.mentioned(instruction)
        return max(named, key=lambda one: len(one.name)) if named else self._catalog.main


def _mentions(table: Table) -> list[Mention]:
    common = [Mention.of(name, name, kind) for name, kind in table.common.items()]
    return [Mention.of(one.name, one.path, one.sql_type) for one in table.fields] + common


def _named(column: str) -> str:
    return column if re.fullmatch(r"[a-z_][a-z0-9_]*", column) else quoted(column)


def _where(sentence: Sentence) -> str:
    return "WHERE " + "\n  AND ".join(_test(one) for one in sentence.tests) if sentence.tests else ""


def _test(test: Test) -> str:
    name, kind = _named(test.column), test.kind
    if kind.endswith("[]"):
        one = _compared("one", test, kind.removesuffix("[]"))
        return f"coalesce(len(list_filter({name}, lambda one: {one})), 0) {'= 0' if test.negated else '> 0'}"
    compared = _compared(name, test, kind)
    return f"NOT coalesce({compared}, false)" if test.negated else compared


def _compared(name: str, test: Test, kind: str) -> str:
    """Texts without regard to case: an instruction's words are rarely spelled as the data's."""
    if kind != "VARCHAR":
        return f"{name} {test.operator} {test.value}"
    value = text(test.value.lower())
    functions = {"contains": "contains", "starts": "starts_with", "ends": "ends_with"}
    if test.operator in functions:
        return f"{functions[test.operator]}(lower({name}), {value})"
    return f"lower({name}) = {value}"


def _grouped(source: str, sentence: Sentence) -> Draft:
    function, of = sentence.aggregate, sentence.aggregated
    value = f"{function}({_named(of.column)})" if of else "count(*)"
    label = f"{function}_{re.sub(r'[^a-z0-9]+', '_', of.path.lower()).strip('_')}" if of else "results"
    group = sentence.group
    if group is None:
        query = _lines(f"SELECT {value} AS {label}", f"FROM {source}", _where(sentence))
    elif group.kind.endswith("[]"):
        inner = [f"unnest({_named(group.column)}) AS value", *([_named(of.column)] if of else [])]
        query = _lines(
            f"SELECT value AS {quoted(group.path)}, {value} AS {label}",
            f"FROM (SELECT {', '.join(inner)} FROM {source} {_where(sentence)}) AS items",
            "GROUP BY 1",
            "ORDER BY 2 DESC, 1",
            f"LIMIT {sentence.limit or _ROWS}",
        )
    else:
        query = _lines(
            f"SELECT {_named(group.column)}, {value} AS {label}",
            f"FROM {source}",
            _where(sentence),
            "GROUP BY 1",
            "ORDER BY 2 DESC, 1",
            f"LIMIT {sentence.limit or _ROWS}",
        )
    return Draft(query, _said(sentence, source if "\n" not in source else "the existing query"))


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line.strip())


def _said(sentence: Sentence, source: str) -> str:
    parts = [f"Reads {source}"]
    if sentence.tests:
        told = [f"{one.path} {_SPOKEN[one.operator, one.negated]} {one.value}" for one in sentence.tests]
        parts.append("where " + " and ".join(told))
    if sentence.aggregate:
        of = f" of {sentence.aggregated.path}" if sentence.aggregated else ""
        parts.append(f"and gives the {sentence.aggregate}{of}" + (f" for each {sentence.group.path}" if sentence.group else ""))
    elif not sentence.mentioned:
        parts.append("(no field of the instruction was recognised)")
    return " ".join(parts) + "."
