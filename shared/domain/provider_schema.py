"""The user's JSON Schema as Gemini's `responseJsonSchema` takes it.

The service honours a part of JSON Schema and ignores the rest without a word. Here references are put in place, what has an equal
is rewritten (`const`, `oneOf`, `allOf`), and what has none goes into the description, where the model at least reads it. The
answer is checked against the user's own schema afterwards, so nothing is lost but hints.
"""

import json
from typing import Any

from shared.domain.references import resolve

_KEPT = ("title", "format", "minItems", "maxItems", "minimum", "maximum")
_IN_WORDS = {
    "pattern": "must match the regular expression {}",
    "minLength": "has at least {} characters",
    "maxLength": "has at most {} characters",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minProperties": "has at least {} properties",
    "maxProperties": "has at most {} properties",
    "not": "must not fit {}",
    "if": "if it fits {}, further rules apply",
    "then": "then it must fit {}",
    "else": "else it must fit {}",
    "contains": "must contain an item that fits {}",
    "minContains": "at least {} such items",
    "maxContains": "at most {} such items",
    "patternProperties": "names that match take {}",
    "propertyNames": "its names must fit {}",
    "dependentRequired": "names that need others: {}",
    "dependentSchemas": "names that bring rules: {}",
    "unevaluatedProperties": "other properties: {}",
    "unevaluatedItems": "other items: {}",
}
_MAX_HINT_CHARS = 300


def to_provider(schema: dict[str, Any]) -> dict[str, Any]:
    """Of an admitted schema. Pure: the same schema always gives the same one."""
    return _node(schema, schema)


def _node(root: dict[str, Any], node: Any) -> dict[str, Any]:
    if not isinstance(node, dict):  # `true` takes anything; `false` cannot be said
        return {}
    node = _merged(root, node)
    made: dict[str, Any] = {}
    kind = _type(node)
    if kind:
        made["type"] = kind
    made.update({name: node[name] for name in _KEPT if name in node})
    _add_values(made, node)
    _add_object(made, node, root)
    _add_array(made, node, root)
    alternatives = [*node.get("anyOf", []), *node.get("oneOf", [])]
    if alternatives:
        made["anyOf"] = [_node(root, one) for one in alternatives]
    words = _words(node)
    if words:
        made["description"] = words
    return made


def _merged(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """With references and `allOf` put in place; what stands beside them wins."""
    parts = []
    if "$ref" in node:
        parts.append(resolve(root, node["$ref"]))
    parts += node.get("allOf", [])
    if not parts:
        return node
    whole: dict[str, Any] = {}
    rest = {name: value for name, value in node.items() if name not in ("$ref", "allOf")}
    for part in [*(_merged(root, part) for part in parts if isinstance(part, dict)), rest]:
        for name, value in part.items():
            if name == "properties" and name in whole:
                whole[name] = {**whole[name], **value}
            elif name == "required" and name in whole:
                whole[name] = list(dict.fromkeys([*whole[name], *value]))
            else:
                whole[name] = value
    return whole


def _type(node: dict[str, Any]) -> Any:
    if "type" in node:
        return node["type"]
    if "properties" in node:
        return "object"
    if "items" in node or "prefixItems" in node:
        return "array"
    values = [v for v in _values(node) if v is not None]
    for kind, cls in (("boolean", bool), ("string", str), ("integer", int), ("number", int | float)):
        if values and all(isinstance(v, cls) and (cls is bool or not isinstance(v, bool)) for v in values):
            return kind
    return None


def _values(node: dict[str, Any]) -> list[Any]:
    return [node["const"]] if "const" in node else node.get("enum", [])


def _add_values(made: dict[str, Any], node: dict[str, Any]) -> None:
    """Only texts and numbers can be listed."""
    values = [v for v in _values(node) if isinstance(v, str | int | float) and not isinstance(v, bool)]
    if values:
        made["enum"] = values


def _add_object(made: dict[str, Any], node: dict[str, Any], root: dict[str, Any]) -> None:
    properties = node.get("properties")
    if properties:
        made["properties"] = {name: _node(root, child) for name, child in properties.items()}
        required = [name for name in node.get("required", []) if name in properties]
        if required:
            made["required"] = required
        # required first and in their order: that is how they are written, and what comes first shapes what follows
        made["propertyOrdering"] = list(dict.fromkeys([*required, *properties]))
    extra = node.get("additionalProperties")
    if extra is False:
        made["additionalProperties"] = False
    elif isinstance(extra, dict):
        made["additionalProperties"] = _node(root, extra)


def _add_array(made: dict[str, Any], node: dict[str, Any], root: dict[str, Any]) -> None:
    if "items" in node:
        made["items"] = _node(root, node["items"])
    if "prefixItems" in node:
        made["prefixItems"] = [_node(root, one) for one in node["prefixItems"]]


def _words(node: dict[str, Any]) -> str:
    said = [node["description"]] if isinstance(node.get("description"), str) and node["description"] else []
    for keyword, sentence in _IN_WORDS.items():
        if keyword in node:
            value = node[keyword]
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            said.append(sentence.format(text[:_MAX_HINT_CHARS]))
    if node.get("uniqueItems") is True:
        said.append("items must differ from each other")
    odd = [v for v in _values(node) if v is None or isinstance(v, bool)]
    if odd:
        said.append("may be " + " or ".join(json.dumps(v) for v in odd))
    return ". ".join(text.rstrip(".") for text in said)
