"""The `where` of a query: single conditions, and their rewriting as alternatives of conjunctions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .fields import NAME, FieldPath, find, format_path, parse_path
from .messages import StructuredQuery, Value
from .names import parse_document
from .refusal import invalid
from .values import INDEXED_BYTES, NULL, encode, encode_reference

MAX_ALTERNATIVES = 30
MAX_NOT_IN = 10
_OPERATORS = {number: name for name, number in StructuredQuery.FieldFilter.Operator.items()}
_UNARY = {number: name for name, number in StructuredQuery.UnaryFilter.Operator.items()}
_RANGES = {"LESS_THAN": "<", "LESS_THAN_OR_EQUAL": "<=", "GREATER_THAN": ">", "GREATER_THAN_OR_EQUAL": ">="}
_NEGATIONS = ("NOT_EQUAL", "NOT_IN", "IS_NOT_NAN", "IS_NOT_NULL")
_NAN = Value(double_value=float("nan"))
_NULL = Value(null_value=0)
_ENCODED_NAN = encode(_NAN)


@dataclass(frozen=True)
class Condition:
    """One comparison. `op` is one of == < <= > >= contains not-in; `not-in` stands for != and is-not-… too.

    `operands` are sortable encodings; all operators but not-in have one.
    """

    path: FieldPath
    op: str
    operands: tuple[bytes, ...]

    @property
    def is_inequality(self) -> bool:
        return self.op not in ("==", "contains")

    def holds(self, document: Any) -> bool:
        if self.path == NAME:
            return self._compares(encode_reference(document.name))
        value = find(document, self.path)
        if value is None:
            return False
        if self.op == "contains":
            return any(encode(item) == self.operands[0] for item in value.array_value.values)
        return self._compares(encode(value))

    def _compares(self, ours: bytes) -> bool:
        if self.op == "not-in":
            return ours[0] != NULL and ours not in self.operands
        theirs = self.operands[0]
        if self.op == "==":
            return ours == theirs
        # Values of different types are never before or after one another, and nothing is before or after NaN.
        if ours[0] != theirs[0] or (ours == _ENCODED_NAN) != (theirs == _ENCODED_NAN):
            return False
        if self.op == "<":
            return ours < theirs
        if self.op == "<=":
            return ours <= theirs
        return ours > theirs if self.op == ">" else ours >= theirs


Conjunction = tuple[Condition, ...]


def alternatives(where: Any) -> list[Conjunction]:
    """The conditions as alternatives, any of which suffices; a query without conditions has one empty alternative."""
    kind = where.WhichOneof("filter_type")
    if kind is None:
        return [()]
    used = list(_operators(where))
    if sum(op in _NEGATIONS for op in used) > 1:
        raise invalid("Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.")
    if "NOT_IN" in used and {"IN", "ARRAY_CONTAINS_ANY", "OR"} & set(used):
        raise invalid("'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.")
    found = _alternatives(where)
    for conjunction in found:
        if sum(condition.op == "contains" for condition in conjunction) > 1:
            raise invalid("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")
    return list(dict.fromkeys(found))


def _operators(where: Any) -> Iterator[str | None]:
    """Every operator a filter uses, however deep, alternatives among them."""
    kind = where.WhichOneof("filter_type")
    if kind == "field_filter":
        yield _OPERATORS.get(where.field_filter.op)
    elif kind == "unary_filter":
        yield _UNARY.get(where.unary_filter.op)
    elif kind == "composite_filter":
        if where.composite_filter.op == StructuredQuery.CompositeFilter.OR:
            yield "OR"
        for part in where.composite_filter.filters:
            yield from _operators(part)


def _alternatives(where: Any) -> list[Conjunction]:
    kind = where.WhichOneof("filter_type")
    if kind == "field_filter":
        return _field(where.field_filter)
    if kind == "unary_filter":
        return [(_unary(where.unary_filter),)]
    composite = where.composite_filter
    if not composite.filters:
        raise invalid("a composite filter needs at least one filter")
    branches = [_alternatives(part) for part in composite.filters]
    if composite.op == StructuredQuery.CompositeFilter.OR:
        found = [conjunction for branch in branches for conjunction in branch]
        return _limited(found)
    if composite.op != StructuredQuery.CompositeFilter.AND:
        raise invalid("a composite filter is either AND or OR")
    found = [()]
    for branch in branches:
        found = _limited([(*before, *conjunction) for before in found for conjunction in branch])
    return found


def _limited(found: list[Conjunction]) -> list[Conjunction]:
    if len(found) > MAX_ALTERNATIVES:
        raise invalid(
            f"a query has at most {MAX_ALTERNATIVES} disjunctions once it is written as an OR of ANDs; this one has {len(found)}"
        )
    return found


def _field(condition: Any) -> list[Conjunction]:
    path = parse_path(condition.field.field_path)
    op = _OPERATORS.get(condition.op)
    value = condition.value
    if op in ("IN", "ARRAY_CONTAINS_ANY", "NOT_IN"):
        values = value.array_value.values
        most = MAX_NOT_IN if op == "NOT_IN" else MAX_ALTERNATIVES
        if value.WhichOneof("value_type") != "array_value" or not 1 <= len(values) <= most:
            raise invalid(f"'{op}' requires a non-empty ArrayValue of at most {most} values.")
        operands = tuple(_operand(path, item) for item in values)
        if op == "NOT_IN":
            if encode(_NULL) in operands:  # nothing is known to differ from null
                return []
            return [(Condition(path, "not-in", operands),)]
        return [(Condition(path, "==" if op == "IN" else "contains", (o,)),) for o in dict.fromkeys(operands)]
    operand = _operand(path, value)
    if op == "EQUAL":
        return [(Condition(path, "==", (operand,)),)]
    if op == "NOT_EQUAL":
        return [(Condition(path, "not-in", (operand,)),)]
    if op == "ARRAY_CONTAINS" and path != NAME:
        return [(Condition(path, "contains", (operand,)),)]
    if op not in _RANGES:
        raise invalid(f"{op} is not an operator for {condition.field.field_path}")
    return [(Condition(path, _RANGES[op], (operand,)),)]


def _operand(path: FieldPath, value: Any) -> bytes:
    if path == NAME:
        if value.WhichOneof("value_type") != "reference_value":
            raise invalid("__key__ filter value must be a Key")
        parse_document(value.reference_value, bound=True)
    if len(value.string_value.encode()) > INDEXED_BYTES or len(value.bytes_value) > INDEXED_BYTES:
        raise invalid(f"value for {format_path(path)} is too large to be used in a query")
    return encode(value)


def _unary(condition: Any) -> Condition:
    path = parse_path(condition.field.field_path)
    op = _UNARY.get(condition.op)
    if op in ("IS_NULL", "IS_NAN"):
        return Condition(path, "==", (encode(_NULL if op == "IS_NULL" else _NAN),))
    if op in ("IS_NOT_NULL", "IS_NOT_NAN"):
        return Condition(path, "not-in", (encode(_NULL if op == "IS_NOT_NULL" else _NAN),))
    raise invalid(f"{op} is not a unary operator")
