"""Local references of a JSON Schema (`#/$defs/person`)."""

from typing import Any
from urllib.parse import unquote


class BadReference(ValueError):
    """It leads nowhere, or out of the document."""


def resolve(root: dict[str, Any], reference: str) -> Any:
    """The subschema the JSON pointer names."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        raise BadReference(reference)
    node: Any = root
    for step in unquote(reference[2:]).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and name in node:
            node = node[name]
        elif isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        else:
            raise BadReference(reference)
    if not isinstance(node, dict | bool):
        raise BadReference(reference)
    return node
