"""The user's JSON Schema as Gemini's `responseJsonSchema` takes it.

The service honours a part of JSON Schema and ignores the rest without a word. Here references are put in place, what has an equal
is rewritten (`const`, `oneOf`, `allOf`), and what has none goes into the description, where the model at least reads it. The
answer is checked against the user's own schema afterwards, so nothing is lost but hints.

The service refuses a schema whose grammar has too many states. `Relief` says how much is then taken out of the grammar and
said in words instead.
"""

import json
from enum import IntEnum
from typing import Any

from shared.domain.references import resolve


class Relief(IntEnum):
    """What a schema the service found too complex is relieved of; each step includes those before it."""

    NONE = 0
    BOUNDS = 1  # bounds of numbers, formats of texts
    ENUMS = 2  # lists of more than a few values
    LENGTHS = 3  # bounds of list lengths
    SCHEMA = 4  # the schema itself: it stands in the prompt, and the service only promises JSON


FEW_VALUES = 12
_KEPT = ("title", "format", "minItems", "maxItems", "minimum", "maximum")
_RELIEVED = {"minimum": Relief.BOUNDS, "maximum": Relief.BOUNDS, "format": Relief.BOUNDS,
             "minItems": Relief.LENGTHS, "maxItems": Relief.LENGTHS}  # fmt: skip
IN_WORDS = {
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
_RELIEVED_IN_WORDS = {
    "minimum": "is at least {}",
    "maximum": "is at most {}",
    "format": "has the format {}",
    "minItems": "has at least {} items",
    "maxItems": "has at most {} items",
}
_CHOICES = ("anyOf", "oneOf")
_STRUCTURE = ("properties", "items", "prefixItems", "enum", "const")
_MAX_HINT_CHARS = 300


def to_provider(schema: dict[str, Any], relief: Relief = Relief.NONE) -> dict[str, Any]:
    """Of an admitted schema. Pure: the same schema always gives the same one."""
    return _Compilation(schema, relief).node(schema)


class _Compilation:
    """One schema on its way to the provider."""

    def __init__(self, root: dict[str, Any], relief: Relief) -> None:
        self._root = root
        self._relief = relief

    def node(self, node: Any) -> dict[str, Any]:
        if not isinstance(node, dict):  # `true` takes anything; `false` cannot be said
            return {}
        node = _merged(self._root, node)
        if _is_nullable_choice(node):
            return self._nullable_choice(node)
        made: dict[str, Any] = {}
        kind = _type(node)
        if kind:
            made["type"] = kind
        made.update({name: node[name] for name in _KEPT if name in node and self._relief < _RELIEVED.get(name, Relief.SCHEMA)})
        self._add_values(made, node)
        self._add_object(made, node)
        self._add_array(made, node)
        self._add_choices(made, node)
        words = self._words(node)
        if words:
            made["description"] = words
        return made

    def _nullable_choice(self, node: dict[str, Any]) -> dict[str, Any]:
        """A list of values with null among them: a grammar has no null in an enum, but it has null beside one."""
        values = [v for v in node["enum"] if v is not None]
        rest = {name: value for name, value in node.items() if name not in ("enum", "type", "title", "description")}
        about: dict[str, Any] = {name: node[name] for name in ("title", "description") if name in node}
        return {"anyOf": [self.node({**rest, "enum": values}), {"type": "null"}], **about}

    def _add_values(self, made: dict[str, Any], node: dict[str, Any]) -> None:
        """Only texts and numbers can be listed."""
        values = _listable(node)
        if values and not self._too_many(values):
            made["enum"] = values

    def _too_many(self, values: list[Any]) -> bool:
        return self._relief >= Relief.ENUMS and len(values) > FEW_VALUES

    def _add_object(self, made: dict[str, Any], node: dict[str, Any]) -> None:
        properties = node.get("properties")
        if properties:
            made["properties"] = {name: self.node(child) for name, child in properties.items()}
            required = [name for name in node.get("required", []) if name in properties]
            if required:
                made["required"] = required
            # required first and in their order: that is how they are written, and what comes first shapes what follows
            made["propertyOrdering"] = list(dict.fromkeys([*required, *properties]))
        extra = node.get("additionalProperties")
        if extra is False:
            made["additionalProperties"] = False
        elif isinstance(extra, dict):
            made["additionalProperties"] = self.node(extra)

    def _add_array(self, made: dict[str, Any], node: dict[str, Any]) -> None:
        if "items" in node:
            made["items"] = self.node(node["items"])
        if "prefixItems" in node:
            made["prefixItems"] = [self.node(one) for one in node["prefixItems"]]

    def _add_choices(self, made: dict[str, Any], node: dict[str, Any]) -> None:
        """A choice can be told to the grammar only where nothing else shapes the place; beside other rules it goes into words."""
        spoken = _spoken_choices(node)
        told = next((name for name in _CHOICES if name in node and name not in spoken), None)
        if told is not None:
            kind = {"type": node["type"]} if "type" in node else {}
            made["anyOf"] = [self.node({**kind, **one} if isinstance(one, dict) else one) for one in node[told]]
            made.pop("type", None)

    def _words(self, node: dict[str, Any]) -> str:
        said = [node["description"]] if isinstance(node.get("description"), str) and node["description"] else []
        sentences = dict(IN_WORDS)
        sentences |= {name: _RELIEVED_IN_WORDS[name] for name, at in _RELIEVED.items() if self._relief >= at}
        said += [sentence.format(_text(node[keyword])) for keyword, sentence in sentences.items() if keyword in node]
        said += [f"must also fit one of {_text(node[name], 2_000)}" for name in _spoken_choices(node)]
        if node.get("uniqueItems") is True:
            said.append("items must differ from each other")
        if self._too_many(_listable(node)):
            said.append("is one of " + _text(_listable(node), 4_000))
        odd = [v for v in _values(node) if v is None or isinstance(v, bool)]
        if odd:
            said.append("may be " + " or ".join(json.dumps(v) for v in odd))
        return ". ".join(text.rstrip(".") for text in said)


def _is_nullable_choice(node: dict[str, Any]) -> bool:
    values = node.get("enum")
    return isinstance(values, list) and None in values and any(isinstance(v, str) for v in values)


def _spoken_choices(node: dict[str, Any]) -> list[str]:
    """Those of anyOf and oneOf that the grammar cannot hold."""
    there = [name for name in _CHOICES if name in node]
    return there if any(name in node for name in _STRUCTURE) else there[1:]


def _text(value: Any, most: int | None = None) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[: most or _MAX_HINT_CHARS]


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
    listed = _values(node)
    values = [v for v in listed if v is not None]
    if listed and not values:
        return "null"
    for kind, cls in (("boolean", bool), ("string", str), ("integer", int), ("number", int | float)):
        if values and all(isinstance(v, cls) and (cls is bool or not isinstance(v, bool)) for v in values):
            return kind
    return None


def _values(node: dict[str, Any]) -> list[Any]:
    return [node["const"]] if "const" in node else node.get("enum", [])


def _listable(node: dict[str, Any]) -> list[Any]:
    """The values of an enum that a grammar can list."""
    return [v for v in _values(node) if isinstance(v, str | int | float) and not isinstance(v, bool)]
