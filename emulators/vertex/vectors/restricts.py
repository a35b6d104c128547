"""Restricts as arithmetic on columns: which rows of a block a query may see.

Every datapoint carries, per namespace, one integer that stands for its whole set of tokens (0: none). A restrict becomes the
set of integers that satisfy it, so filtering a block is a comparison over an int32 array.

Rules, as Vector Search documents them: namespaces are joined by AND, tokens within one by OR; `deny` on a query drops
datapoints that allow the token; `deny` on a datapoint hides it from queries that allow the token; a datapoint without the
namespace does not satisfy an allow list.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emulators.vertex.vectors.datapoint import BadDatapoint, NumericRestrict, Restrict
from emulators.vertex.vectors.manifest import Manifest

NUMBER = np.dtype([("kind", "i1"), ("whole", "<i8"), ("real", "<f8")])
_KINDS = {"int": 1, "float": 2, "double": 3}
_OPS: dict[str, Callable[[Any, Any], Any]] = {
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "EQUAL": operator.eq,
    "GREATER_EQUAL": operator.ge,
    "GREATER": operator.gt,
    "NOT_EQUAL": operator.ne,
}


@dataclass(frozen=True)
class TokenRule:
    """`wanted` is `None` where any code will do; a row passes if its code is wanted and not unwanted."""

    ns: int
    namespace: str
    wanted: np.ndarray | None
    unwanted: np.ndarray

    def passes(self, codes: np.ndarray) -> np.ndarray:
        kept = np.ones(len(codes), dtype=bool) if self.wanted is None else _among(codes, self.wanted)
        if len(self.unwanted):
            kept &= ~_among(codes, self.unwanted)
        return kept


@dataclass(frozen=True)
class NumberRule:
    """A row passes if it holds a number of the same kind that compares as asked."""

    ns: int
    kind: int
    value: int | float
    compare: Callable[[Any, Any], Any]

    def passes(self, numbers: np.ndarray) -> np.ndarray:
        held = numbers["whole"] if self.kind == _KINDS["int"] else numbers["real"]
        return (numbers["kind"] == self.kind) & self.compare(held, self.value)


Rule = TokenRule | NumberRule


def rules_for(manifest: Manifest, restricts: Iterable[Restrict], numerics: Iterable[NumericRestrict]) -> list[Rule] | None:
    """The rules of a query, cheapest to satisfy first; `None` if nothing stored can satisfy them."""
    rules: list[Rule] = []
    for restrict in restricts:
        rule = _token_rule(manifest, restrict)
        if rule is None:
            return None
        rules.append(rule)
    rules.sort(key=lambda rule: rule.wanted is None or len(rule.wanted))  # type: ignore[union-attr]
    for numeric in numerics:
        ns = manifest.namespace(numeric.namespace)
        if ns is None:
            return None
        if numeric.op not in _OPS:
            raise BadDatapoint(f"numeric restrict on {numeric.namespace}: the operator must be one of {', '.join(_OPS)}")
        rules.append(NumberRule(ns, _KINDS[numeric.kind], _stored_value(numeric), _OPS[numeric.op]))
    return rules


def number_record(numeric: NumericRestrict) -> tuple[int, int, float]:
    """A datapoint's number as stored; floats are kept at 32 bits as on the wire."""
    value = _stored_value(numeric)
    return (1, int(value), 0.0) if numeric.kind == "int" else (_KINDS[numeric.kind], 0, float(value))


def block_key(restricts: Sequence[Restrict], partition_by: Sequence[str]) -> tuple[str | None, ...]:
    """The block a datapoint belongs to: its single token per partition namespace, `None` where it has none or several."""
    single = {r.namespace: r.allow[0] for r in restricts if len(r.allow) == 1 and not r.deny}
    return tuple(single.get(namespace) for namespace in partition_by)


def fits(part: str | None, restrict: Restrict | None) -> bool | None:
    """Whether every row of a block with this key part passes (True), none does (False), or rows must be asked (None)."""
    if restrict is None:
        return True
    if part is None:
        return None
    return (not restrict.allow or part in restrict.allow) and part not in restrict.deny


def _token_rule(manifest: Manifest, restrict: Restrict) -> TokenRule | None:
    ns = manifest.namespace(restrict.namespace)
    if ns is None:
        return None if restrict.allow else TokenRule(0, restrict.namespace, None, np.zeros(0, np.int32))
    wanted = None
    if restrict.allow:
        wanted = np.array(manifest.codes_with(ns, restrict.allow, denied=False), dtype=np.int32)
        if not len(wanted):
            return None
    unwanted = manifest.codes_with(ns, restrict.deny, denied=False) if restrict.deny else []
    if restrict.allow:
        unwanted = unwanted + manifest.codes_with(ns, restrict.allow, denied=True)
    return TokenRule(ns, restrict.namespace, wanted, np.array(unwanted, dtype=np.int32))


def _among(codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return codes == chosen[0] if len(chosen) == 1 else np.isin(codes, chosen)


def _stored_value(numeric: NumericRestrict) -> int | float:
    if numeric.kind == "int":
        return int(numeric.value)
    return float(np.float32(numeric.value)) if numeric.kind == "float" else float(numeric.value)
