"""Small faults of a model's answer, mended without asking it again: spelling of a choice, numbers in quotes, too much of a thing.

Only what changes no fact is done here, and each change is told. Anything else is for the model to mend.
"""

import copy
import math
import re
from dataclasses import dataclass, field
from typing import Any

from shared.domain.references import resolve
from shared.domain.schema import compile

MAX_TOLD = 8
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_TRUTHS = {"true": True, "false": False}


@dataclass
class Mended:
    """`data` is the answer as it should be taken; `changes` says what was done, a sentence each."""

    data: Any
    changes: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        if not self.changes:
            return ""
        more = f" and {len(self.changes) - MAX_TOLD} more" if len(self.changes) > MAX_TOLD else ""
        return f"the answer was fitted to the schema: {', '.join(self.changes[:MAX_TOLD])}{more}"


def mend(schema: dict[str, Any], data: Any) -> Mended:
    """The data with its small faults mended; what fits already comes back as it is. `schema` is an admitted one."""
    if compile(schema).is_valid(data):
        return Mended(data)
    mender = _Mender()
    return Mended(mender.value(_inlined(schema, schema), copy.deepcopy(data), ""), mender.changes)


def _inlined(root: dict[str, Any], node: Any) -> Any:
    """References put in place (`allOf` holds their targets), so that each part can be judged alone. Admitted schemas have no
    circles and stay small when expanded."""
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in ("$defs", "definitions", "$ref"):
            continue
        if keyword in ("properties", "patternProperties", "dependentSchemas") and isinstance(value, dict):
            made[keyword] = {name: _inlined(root, child) for name, child in value.items()}
        elif keyword in ("allOf", "anyOf", "oneOf", "prefixItems") and isinstance(value, list):
            made[keyword] = [_inlined(root, child) for child in value]
        elif keyword in _SUBSCHEMAS:
            made[keyword] = _inlined(root, value)
        else:
            made[keyword] = value
    if "$ref" in node:
        made["allOf"] = [_inlined(root, resolve(root, node["$ref"])), *made.get("allOf", [])]
    return made


_SUBSCHEMAS = ("items", "contains", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "propertyNames", "not",
               "if", "then", "else")  # fmt: skip


class _Mender:
    """One walk over schema and data together; changes lists and objects in place, so it works on a copy."""

    def __init__(self) -> None:
        self.changes: list[str] = []

    def value(self, node: Any, data: Any, path: str) -> Any:
        if not isinstance(node, dict) or compile(node).is_valid(data):
            return data
        for part in node.get("allOf", []):
            data = self.value(part, data, path)
        for keyword in ("anyOf", "oneOf"):
            data = self._chosen(node.get(keyword, []), data, path)
        data = self._scalar(node, data, path)
        if isinstance(data, dict):
            self._object(node, data, path)
        elif isinstance(data, list):
            self._list(node, data, path)
        return data

    def _chosen(self, branches: list[Any], data: Any, path: str) -> Any:
        """The first branch that fits, or that a mended copy fits; as it was where there is none."""
        if any(_fits(branch, data) for branch in branches):
            return data
        for branch in branches:
            attempt = _Mender()
            mended = attempt.value(branch, copy.deepcopy(data), path)
            if _fits(branch, mended):
                self.changes += attempt.changes
                return mended
        return data

    def _scalar(self, node: dict[str, Any], data: Any, path: str) -> Any:
        found = _listed(node, data) if "enum" in node or "const" in node else _typed(node, data)
        if (found is not None and type(found) is not type(data)) or (isinstance(found, str) and found != data):
            self.changes.append(f"{path or 'the answer'} ({_short(data)} taken as {_short(found)})")
            return found
        return data

    def _object(self, node: dict[str, Any], data: dict[str, Any], path: str) -> None:
        properties = node.get("properties", {})
        patterns = node.get("patternProperties", {})
        required = node.get("required", [])
        for name in list(data):
            where = f"{path}.{name}" if path else name
            if name in properties:
                data[name] = self.value(properties[name], data[name], where)
                if data[name] is None and name not in required and not _fits(properties[name], None):
                    del data[name]
                    self.changes.append(f"{where} (null left out)")
            elif node.get("additionalProperties") is False and not _named_by(patterns, name):
                del data[name]
                self.changes.append(f"{where} (not in the schema, left out)")
            elif isinstance(node.get("additionalProperties"), dict) and not _named_by(patterns, name):
                data[name] = self.value(node["additionalProperties"], data[name], where)

    def _list(self, node: dict[str, Any], data: list[Any], path: str) -> None:
        prefix = node.get("prefixItems", [])
        for number, item in enumerate(data):
            shape = prefix[number] if number < len(prefix) else node.get("items")
            data[number] = self.value(shape, item, f"{path}[{number}]")
        most = node.get("maxItems")
        if most is not None and len(data) > most:
            self.changes.append(f"{path} ({len(data)} items cut to {int(most)})")
            del data[int(most) :]


def _fits(schema: Any, data: Any) -> bool:
    return schema if isinstance(schema, bool) else compile(schema).is_valid(data)


def _listed(node: dict[str, Any], data: Any) -> Any:
    """The one listed value that the data is but for case, spacing or quotes; None where there is none, or several."""
    values = [node["const"]] if "const" in node else node["enum"]
    if data in values or not isinstance(data, str | int | float):
        return None
    same = [value for value in values if isinstance(value, str | int | float) and _folded(value) == _folded(data)]
    return same[0] if len(same) == 1 else None


def _folded(value: Any) -> str:
    return " ".join(str(value).casefold().replace("_", " ").replace("-", " ").split())


def _typed(node: dict[str, Any], data: Any) -> Any:
    """A text as the number or truth that the schema asks for; None where it does not, or the text is something else."""
    kinds = [node["type"]] if isinstance(node.get("type"), str) else node.get("type", [])
    if not isinstance(data, str) or "string" in kinds:
        return None
    text = data.strip()
    if "boolean" in kinds and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if not _NUMBER.fullmatch(text) or not {"number", "integer"} & set(kinds):
        return None
    number = float(text)
    if not math.isfinite(number):
        return None
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number if "number" in kinds else None


def _named_by(patterns: dict[str, Any], name: str) -> bool:
    """Whether a pattern of the schema takes the name, as its validator judges patterns."""
    return any(not compile({"type": "object", "patternProperties": {one: False}}).is_valid({name: None}) for one in patterns)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def without_misfits(schema: dict[str, Any], data: Any, paths: list[str]) -> Mended | None:
    """The data without the parts at these paths (`people[1].name`), each cut off as low as helps.

    None where that does not make it fit, or leaves nothing.
    """
    validator = compile(schema)
    kept, left_out = copy.deepcopy(data), []
    for path in paths:
        steps = [int(index) if index else name for name, index in _STEP.findall(path)]
        for depth in range(len(steps), 0, -1):
            if _holds(kept, steps[:depth]) and _is_better(validator, attempt := _cut(kept, steps[:depth]), kept):
                kept = attempt
                left_out.append(f"{path} (did not fit, left out)")
                break
    return Mended(kept, left_out) if kept and left_out and validator.is_valid(kept) else None


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _holds(data: Any, steps: list[Any]) -> bool:
    for step in steps:
        there = step in data if isinstance(data, dict) else isinstance(data, list) and isinstance(step, int) and step < len(data)
        if not there:
            return False
        data = data[step]
    return True


def _cut(data: Any, steps: list[Any]) -> Any:
    copied = copy.deepcopy(data)
    parent = copied
    for step in steps[:-1]:
        parent = parent[step]
    del parent[steps[-1]]
    return copied


def _is_better(validator: Any, attempt: Any, before: Any) -> bool:
    def faults(one: Any) -> int:
        return sum(1 for _ in validator.iter_errors(one))

    return faults(attempt) < faults(before)
