"""The user's JSON Schema: hostile input until admitted here; then what validates answers and names the leaves.

Limits are those of this module's constants. References are local and acyclic, regexes run on an engine that is linear in its
input, and nothing is ever fetched.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.provider_schema import to_provider
from shared.domain.references import BadReference, resolve

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

__all__ = ["LeafPath", "SchemaError", "admit", "compile", "leaf_paths", "resolve_field", "to_provider", "validate"]

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8  # levels of objects and lists that data of this schema can have
MAX_PROPERTIES = 200
MAX_ENUM_VALUES = 500
MAX_NAME_CHARS = 64
MAX_PATTERN_CHARS = 1_000
MAX_NODES = 2_000  # with every reference expanded
_MAX_NESTING = 64  # of the schema's own JSON
_MAX_ERRORS = 50
_NAME = re.compile(r"^[^.\[\]\x00-\x1f\x7f\"`]+$")  # a name is part of field paths, and of SQL columns

_ONE = ("items", "contains", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "propertyNames", "not", "if")
SCHEMA_KEYWORDS = (*_ONE, "then", "else")
LIST_KEYWORDS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAP_KEYWORDS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_DEEPER = frozenset({"properties", "items", "prefixItems", "additionalProperties", "patternProperties", "contains"})
_REFUSED = ("$id", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor", "$vocabulary")
_DEFINITIONS = ("$defs", "definitions")


@dataclass(frozen=True)
class SchemaError:
    """What does not fit: the path in the data (`scene.people[0].name`, empty for the whole) and a sentence."""

    path: str
    message: str


@dataclass(frozen=True)
class LeafPath:
    """A scalar that data of the schema can hold; `[]` stands for every item of a list."""

    path: str
    type: str


def _invalid(path: str, message: str) -> ApiError:
    where = path or "json_schema"
    return ApiError(ErrorCode.INVALID_SCHEMA, f"{where}: {message}", details={"errors": [{"field": where, "message": message}]})


def admit(schema: Any, field: str = "json_schema") -> dict[str, Any]:
    """The schema, if it is within all limits; raises INVALID_SCHEMA that names the place."""
    if not isinstance(schema, dict):
        raise _invalid(field, "must be a JSON object")
    if _nesting(schema) > _MAX_NESTING:
        raise _invalid(field, "is nested too deeply")
    if len(json.dumps(schema, ensure_ascii=False).encode()) > MAX_BYTES:
        raise _invalid(field, f"is larger than {MAX_BYTES // 1024} KiB")
    if schema.get("type") != "object":
        raise _invalid(field, 'needs "type": "object" at the top')
    import jsonschema_rs  # where it is used: most functions that know of schemas validate nothing, and start sooner

    try:
        jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})
        _Admission(schema, field).run()
        compile(schema)
    except jsonschema_rs.ValidationError as error:
        raise _invalid(_place(field, list(error.instance_path)), _first_line(error.message)) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise _invalid(field, _first_line(str(error))) from error
    return schema


class _Admission:
    """One walk over the schema as it is written, then one over it with references expanded."""

    def __init__(self, root: dict[str, Any], field: str) -> None:
        self._root = root
        self._field = field
        self._properties = 0
        self._enum_values = 0
        self._nodes = 0

    def run(self) -> None:
        for node, place in _nodes(self._root, self._field):
            self._check(node, place)
        self._expand(self._root, self._field, 1, ())

    def _check(self, node: dict[str, Any], place: str) -> None:
        for keyword in _REFUSED:
            if keyword in node:
                raise _invalid(f"{place}.{keyword}", "is not supported; use local references to #/$defs/…")
        reference = node.get("$ref")
        if reference is not None and not (isinstance(reference, str) and reference.startswith("#")):
            raise _invalid(f"{place}.$ref", "only local references (#/…) are allowed")
        names = node.get("properties")
        if isinstance(names, dict):
            self._check_names(names, place)
        values = node.get("enum")
        if isinstance(values, list):
            self._enum_values += len(values)
            if self._enum_values > MAX_ENUM_VALUES:
                raise _invalid(place, f"more than {MAX_ENUM_VALUES} enum values in all")
        patterns = [node.get("pattern"), *(node.get("patternProperties") or {})]
        if any(isinstance(p, str) and len(p) > MAX_PATTERN_CHARS for p in patterns):
            raise _invalid(f"{place}.pattern", f"is longer than {MAX_PATTERN_CHARS} characters")

    def _check_names(self, names: dict[str, Any], place: str) -> None:
        self._properties += len(names)
        if self._properties > MAX_PROPERTIES:
            raise _invalid(place, f"more than {MAX_PROPERTIES} properties in all")
        for name in names:
            if len(name) > MAX_NAME_CHARS or not _NAME.match(name):
                raise _invalid(
                    f"{place}.properties", f'names have 1 to {MAX_NAME_CHARS} characters and none of . [ ] " `: {name[:80]!r}'
                )

    def _expand(self, node: Any, place: str, depth: int, following: tuple[str, ...]) -> None:
        if not isinstance(node, dict):
            return
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _invalid(place, "references expand to too large a schema")
        if depth > MAX_DEPTH:
            raise _invalid(place, f"more than {MAX_DEPTH} levels deep")
        reference = node.get("$ref")
        if reference is not None:
            if reference in following:
                raise _invalid(f"{place}.$ref", "refers to itself; a schema without end cannot be filled")
            try:
                target = resolve(self._root, reference)
            except BadReference as error:
                raise _invalid(f"{place}.$ref", "leads nowhere") from error
            self._expand(target, place, depth, (*following, reference))
        for keyword, child, name in _children(node):
            if keyword not in _DEFINITIONS:
                deeper = depth + 1 if keyword in _DEEPER else depth
                self._expand(child, f"{place}.{name}", deeper, following)


def _nodes(node: Any, place: str) -> Iterator[tuple[dict[str, Any], str]]:
    if not isinstance(node, dict):
        return
    yield node, place
    for _, child, name in _children(node):
        yield from _nodes(child, f"{place}.{name}")


def _children(node: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """(keyword, subschema, where it stands) of every place in which a schema may hold another."""
    for keyword in SCHEMA_KEYWORDS:
        if isinstance(node.get(keyword), dict):
            yield keyword, node[keyword], keyword
    for keyword in LIST_KEYWORDS:
        if isinstance(node.get(keyword), list):
            for number, child in enumerate(node[keyword]):
                yield keyword, child, f"{keyword}[{number}]"
    for keyword in MAP_KEYWORDS:
        if isinstance(node.get(keyword), dict):
            for name, child in node[keyword].items():
                yield keyword, child, f"{keyword}.{name}"


def _nesting(value: Any) -> int:
    """How deep the JSON itself goes; counted without recursion, for it has not been checked yet."""
    deepest, open_values = 0, [(value, 1)]
    while open_values and deepest <= _MAX_NESTING:
        one, depth = open_values.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, depth)
            open_values += [(child, depth + 1) for child in (one.values() if isinstance(one, dict) else one)]
    return deepest


def compile(schema: dict[str, Any]) -> "Draft202012Validator":
    """Ready to validate; kept for the schemas used last."""
    return _compile(json.dumps(schema, ensure_ascii=False))


@lru_cache(maxsize=128)
def _compile(text: str) -> "Draft202012Validator":
    import jsonschema_rs

    schema = json.loads(text)
    schema.pop("$schema", None)  # one dialect for all, whatever the schema names
    return jsonschema_rs.Draft202012Validator(schema, retriever=_never, pattern_options=jsonschema_rs.RegexOptions())


def _never(uri: str) -> Any:
    raise ValueError("references to other documents are not followed")


def validate(schema: dict[str, Any], data: Any) -> list[SchemaError]:
    """Every fault, at most 50; empty when the data fits."""
    found: list[SchemaError] = []
    for error in compile(schema).iter_errors(data):
        found.append(SchemaError(_place("", list(error.instance_path)), _first_line(error.message)))
        if len(found) == _MAX_ERRORS:
            break
    return found


def _place(start: str, steps: list[Any]) -> str:
    text = start
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else str(step))
    return text


def _first_line(message: str) -> str:
    line = message.strip().split("\n")[0]
    return line if len(line) <= 300 else line[:299] + "…"


def leaf_paths(schema: dict[str, Any]) -> list[LeafPath]:
    """Of an admitted schema, in its order; of alternatives, the first that names a path counts."""
    found: dict[str, str] = {}
    _leaves(schema, schema, "", found)
    return [LeafPath(path, kind) for path, kind in found.items()]


def _leaves(root: dict[str, Any], node: Any, path: str, found: dict[str, str]) -> None:
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        _leaves(root, resolve(root, node["$ref"]), path, found)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for child in node.get(keyword, []):
            _leaves(root, child, path, found)
    for name, child in node.get("properties", {}).items():
        _leaves(root, child, f"{path}.{name}" if path else name, found)
    for child in [node.get("items"), *node.get("prefixItems", [])]:
        _leaves(root, child, f"{path}[]", found)
    kind = _scalar(node)
    if kind and path:
        found.setdefault(path, kind)


def _scalar(node: dict[str, Any]) -> str:
    kinds = node.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind in ("string", "integer", "number", "boolean"):
            return kind
    values = node.get("enum", [node["const"]] if "const" in node else [])
    for value in values:
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, str):
            return "string"
        if isinstance(value, int | float):
            return "integer" if isinstance(value, int) else "number"
    return ""


def resolve_field(path: str, leaves: list[LeafPath]) -> str | None:
    """The field path that the user's path means: a leaf, or a node above some; `[]` may be left out. None for neither."""
    for leaf in leaves:
        for end in _ends(leaf.path):
            if path in (leaf.path[:end], leaf.path[:end].replace("[]", "")):
                return leaf.path[:end]
    return None


def _ends(path: str) -> Iterator[int]:
    """Where the whole path and each node above it end, the shortest last brackets first."""
    yield from (match.start() for match in re.finditer(r"\.|\[\]", path))
    yield len(path)
