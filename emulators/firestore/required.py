"""Which index a query needs in production, and the refusal when it is not declared."""

import json

from .catalogue import Catalogue, Definition, Mode, Part
from .conditions import Conjunction
from .fields import FieldPath, format_path
from .query import Order, Query, equalities, memberships
from .refusal import Refused


def fits(definition: Definition, fixed: set[Part], suffix: list[Order], name_turned: bool) -> bool | None:
    """Whether an index, after fields that the query fixes, runs in the query's order: False forwards, True backwards.

    None if it does not fit at all. `fixed` holds what equality (ASCENDING) and array membership (CONTAINS) fix.
    """
    at = len(definition.parts) - len(suffix)
    if at < 0 or any(
        (path, "CONTAINS" if mode == "CONTAINS" else "ASCENDING") not in fixed for path, mode in definition.parts[:at]
    ):
        return None
    turns = {definition.name_turned != name_turned}
    for (path, mode), order in zip(definition.parts[at:], suffix, strict=True):
        if path != order.path or mode == "CONTAINS":
            return None
        turns.add((mode == "DESCENDING") != order.descending)
    return turns.pop() if len(turns) == 1 else None


def as_fixed(part: Part) -> Part:
    """A field of an index as a condition fixes it: for equality the direction does not matter."""
    path, mode = part
    return (path, "CONTAINS" if mode == "CONTAINS" else "ASCENDING")


def fixed_parts(conjunction: Conjunction) -> set[Part]:
    return {(path, "ASCENDING") for path in equalities(conjunction)} | {(path, "CONTAINS") for path in memberships(conjunction)}


def free_orders(query: Query, conjunction: Conjunction) -> list[Order]:
    """The orders that equality does not already decide, without the name."""
    equal = equalities(conjunction)
    return [order for order in query.orders[:-1] if order.path not in equal]


def require_index(catalogue: Catalogue, query: Query, conjunction: Conjunction, summed: tuple[FieldPath, ...] = ()) -> None:
    """Refuses an alternative of a query production would refuse; `summed` are fields to be summed or averaged."""
    fixed = fixed_parts(conjunction)
    suffix = free_orders(query, conjunction)
    if not fixed and not suffix and query.orders[-1].descending:
        raise Refused("FAILED_PRECONDITION", "Firestore does not support descending key scans")
    if not catalogue.enforced:
        return
    equal = equalities(conjunction)
    known = {order.path for order in suffix} | set(equal)
    name_turned = query.orders[-1].descending
    suffix += [Order(path, name_turned) for path in summed if path not in known]
    if not suffix and not fixed:
        return
    covered: set[Part] = set()
    served = False
    for definition in catalogue.composites(query.collection_id, query.scope):
        if fits(definition, fixed, suffix, name_turned) is not None:
            served = True
            covered |= {as_fixed(part) for part in definition.parts}
    missing = fixed - covered
    if served and not missing:
        return
    if not suffix and not name_turned:
        missing = {part for part in missing if not _automatic(catalogue, query, part)}
        if missing:
            raise _field_needed(query, missing)
        return
    if not fixed and len(suffix) == 1 and suffix[0].descending == name_turned:
        mode: Mode = "DESCENDING" if name_turned else "ASCENDING"
        if not catalogue.allows(query.collection_id, suffix[0].path, mode, query.scope):
            raise _field_needed(query, {(suffix[0].path, mode)})
        return
    head = sorted(fixed, key=lambda part: (part[1] == "CONTAINS", part[0]))
    tail: list[Part] = [(o.path, "DESCENDING" if o.descending else "ASCENDING") for o in suffix]
    definition = Definition((*head, *tail), name_turned)
    raise _refusal(definition.as_json(query.collection_id, query.scope), "indexes")


def _automatic(catalogue: Catalogue, query: Query, part: Part) -> bool:
    path, mode = part
    modes: tuple[Mode, ...] = ("CONTAINS",) if mode == "CONTAINS" else ("ASCENDING", "DESCENDING")
    return any(catalogue.allows(query.collection_id, path, m, query.scope) for m in modes)


def _field_needed(query: Query, parts: set[Part]) -> Refused:
    path, mode = min(parts)
    kind = "arrayConfig" if mode == "CONTAINS" else "order"
    row = {
        "collectionGroup": query.collection_id,
        "fieldPath": format_path(path),
        "indexes": [{kind: mode, "queryScope": query.scope}],
    }
    return _refusal(row, "fieldOverrides")


def _refusal(row: dict, section: str) -> Refused:
    return Refused(
        "FAILED_PRECONDITION",
        f'The query requires an index. Add this to "{section}" of firestore.indexes.json: {json.dumps(row)}',
    )
