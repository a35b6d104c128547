"""What the user should know of an admitted schema before a run: rules the model is only told of, fields nothing can filter by."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from shared.domain.provider_schema import IN_WORDS
from shared.domain.references import resolve

MAX_WARNINGS = 100
_NOT_ENFORCED = (*IN_WORDS, "uniqueItems")
_STRUCTURE = ("properties", "items", "prefixItems", "enum", "const")
_TOLD = "is told to the model in words, not enforced while it writes; answers are checked against it and mended afterwards"


@dataclass(frozen=True)
class SchemaWarning:
    """`path` is in the data (`people[].name`, empty for the whole); `keyword` is the schema's word that it is about."""

    path: str
    keyword: str
    message: str


def schema_warnings(schema: dict[str, Any], level: str = "") -> list[dict[str, str]]:
    """Of an admitted schema, in its order, each once, as the API says them; `level` names the schema where there are two."""
    found = dict.fromkeys(_of(schema, schema, ""))
    return [{"level": level, **asdict(one)} for one in list(found)[:MAX_WARNINGS]]


def _of(root: dict[str, Any], node: Any, path: str, *, whole: bool = True) -> Iterator[SchemaWarning]:
    """`whole` is false for a node that says only a part of what its place holds."""
    if not isinstance(node, dict):
        return
    for keyword in _NOT_ENFORCED:
        if keyword in node and node[keyword] is not False:
            yield SchemaWarning(path, keyword, f"`{keyword}` {_TOLD}")
    for keyword in ("anyOf", "oneOf"):
        if keyword in node and any(name in node for name in _STRUCTURE):
            yield SchemaWarning(path, keyword, f"`{keyword}` beside other rules of the same place {_TOLD}")
        elif keyword == "oneOf" and "oneOf" in node and len(node["oneOf"]) > 1:
            yield SchemaWarning(path, keyword, "`oneOf` is enforced as `anyOf`; that only one part fits is checked afterwards")
    if whole:
        yield from _unfindable(root, node, path)
    for child, where in _inside(root, node, path):
        yield from _of(root, child, where, whole=where != path)


def _unfindable(root: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[SchemaWarning]:
    """Places whose values no filter and no SQL column will hold."""
    kinds = [node["type"]] if isinstance(node.get("type"), str) else node.get("type", [])
    solid = [kind for kind in kinds if kind != "null"]
    if len(solid) > 1:
        yield SchemaWarning(
            path, "type", f"filters and SQL take this field as {solid[0]} only; give it one type to find all values"
        )
    if path and not _shaped(root, node) and solid in ([], ["object"]):
        keyword = "type" if solid == [] else "properties"
        yield SchemaWarning(
            path, keyword, "filters and SQL cannot find values here; name the type or the properties of this field"
        )
    if "array" in solid and "items" not in node and "prefixItems" not in node:
        yield SchemaWarning(path, "items", "filters and SQL cannot find values here; say with `items` what the list holds")
    for keyword in ("additionalProperties", "patternProperties"):
        if isinstance(node.get(keyword), dict) and node[keyword]:
            yield SchemaWarning(path, keyword, "filters and SQL cannot find fields whose names the schema does not tell")


def _shaped(root: dict[str, Any], node: Any) -> bool:
    """Whether the node, or what it refers to, says what kind of value stands there."""
    if not isinstance(node, dict):
        return False
    if "$ref" in node and _shaped(root, resolve(root, node["$ref"])):
        return True
    alternatives = [one for keyword in ("allOf", "anyOf", "oneOf") for one in node.get(keyword, [])]
    if any(_shaped(root, one) for one in alternatives):
        return True
    kinds = [node["type"]] if isinstance(node.get("type"), str) else node.get("type", [])
    named = any(kind not in ("object", "null") for kind in kinds)
    return named or any(node.get(name) not in (None, {}, []) for name in _STRUCTURE)


def _inside(root: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[tuple[Any, str]]:
    if "$ref" in node:
        yield resolve(root, node["$ref"]), path
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from ((child, path) for child in node.get(keyword, []))
    for name, child in node.get("properties", {}).items():
        yield child, f"{path}.{name}" if path else name
    for child in [node.get("items"), *node.get("prefixItems", [])]:
        yield child, f"{path}[]"
