"""The leaves of extracted JSON: the unit of what is searched, filtered and matched.

A *field path* names a leaf for every item of a list (`scene.people[].emotion`); an *instance path* names one of them
(`scene.people[1].emotion`). `metadata_text` is the whole in words, for people and for the one vector that covers it all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_TEXT_LEAVES = 64  # of one segment that become vectors of their own


@dataclass(frozen=True)
class Leaf:
    field_path: str
    instance_path: str
    value: Any


def leaves(data: Any) -> Iterator[Leaf]:
    """Every scalar that is there, depth first, in the order of the document; nulls are no leaves."""
    yield from _walk(data, "", "")


def _walk(value: Any, field_path: str, instance_path: str) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, child in value.items():
            dot = "." if field_path else ""
            yield from _walk(child, f"{field_path}{dot}{name}", f"{instance_path}{dot}{name}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _walk(child, f"{field_path}[]", f"{instance_path}[{number}]")
    elif value is not None:
        yield Leaf(field_path, instance_path, value)


def text_leaves(data: Any, disabled: list[str]) -> list[Leaf]:
    """The leaves that get a vector each: non-empty strings whose path is not disabled, at most 64, always in one order."""
    texts = (leaf for leaf in leaves(data) if isinstance(leaf.value, str) and leaf.value.strip())
    return [leaf for leaf in texts if not _covered(leaf.field_path, disabled)][:MAX_TEXT_LEAVES]


def _covered(field_path: str, disabled: list[str]) -> bool:
    """A disabled path covers the leaves below it too."""
    return any(field_path == path or field_path.startswith((f"{path}.", f"{path}[")) for path in disabled)


def metadata_text(data: Any) -> str:
    """`headline: Reporter outside; scene.location: station`: each leaf once, with its path."""
    return "; ".join(f"{leaf.field_path}: {_words(leaf.value)}" for leaf in leaves(data))


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def pick(data: Any, field_path: str) -> list[Any]:
    """The values of one field path, in order."""
    wanted = [leaf.value for leaf in leaves(data) if leaf.field_path == field_path]
    return wanted or [leaf.value for leaf in leaves(data) if leaf.field_path.startswith((f"{field_path}.", f"{field_path}["))]
