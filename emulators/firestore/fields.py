"""Field paths (`a.b`, `` `odd name`.c ``) and what they point at inside a document."""

import re
from functools import lru_cache
from typing import Any

from .messages import Document
from .refusal import invalid

FieldPath = tuple[str, ...]
NAME: FieldPath = ("__name__",)
_PART = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)|`((?:[^`\\]|\\.)+)`", re.DOTALL)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> FieldPath:
    parts: list[str] = []
    position = 0
    while True:
        found = _PART.match(text, position)
        if found is None:
            raise invalid(f'Invalid field path "{text[:200]}"')
        plain, quoted = found.groups()
        parts.append(plain if plain is not None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        position = found.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            raise invalid(f'Invalid field path "{text[:200]}"')
        position += 1


def format_path(path: FieldPath) -> str:
    return ".".join(part if _PART.fullmatch(part) and part[0] != "`" else _quoted(part) for part in path)


def _quoted(part: str) -> str:
    return "`" + part.replace("\\", "\\\\").replace("`", "\\`") + "`"


def find(document: Any, path: FieldPath) -> Any | None:
    """The value at the path, or None if there is none."""
    fields = document.fields
    last = len(path) - 1
    for depth, part in enumerate(path):
        if part not in fields:
            return None
        value = fields[part]
        if depth == last:
            return value
        if value.WhichOneof("value_type") != "map_value":
            return None
        fields = value.map_value.fields
    return None


def put(document: Any, path: FieldPath, value: Any) -> None:
    """Sets the value, making maps on the way; what is no map on the way is replaced by one."""
    fields = document.fields
    for part in path[:-1]:
        below = fields[part]
        if below.WhichOneof("value_type") != "map_value":
            below.Clear()
            below.map_value.SetInParent()
        fields = below.map_value.fields
    fields[path[-1]].CopyFrom(value)


def remove(document: Any, path: FieldPath) -> None:
    fields = document.fields
    for part in path[:-1]:
        if part not in fields or fields[part].WhichOneof("value_type") != "map_value":
            return
        fields = fields[part].map_value.fields
    if path[-1] in fields:
        del fields[path[-1]]


def project(document: Any, paths: list[FieldPath]) -> Any:
    """The same document with only these fields; `__name__` alone stands for none of them."""
    kept = Document(name=document.name, create_time=document.create_time, update_time=document.update_time)
    for path in paths:
        if path != NAME:
            value = find(document, path)
            if value is not None:
                put(kept, path, value)
    return kept
