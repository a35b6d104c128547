"""What a tool is, and what is generated of it from the route it calls."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Argument:
    name: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Tool:
    """`wraps` names the list where the call answers a bare one, `items` the list in an answer that may be long.

    `outside`: it makes something reach beyond this product.
    """

    name: str
    title: str
    calls: str
    takes: str
    about: str
    wraps: str = ""
    items: str = ""
    writes: bool = False
    destructive: bool = False
    idempotent: bool = False
    outside: bool = False

    @property
    def method(self) -> str:
        return self.calls.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.calls.partition(" ")[2]

    @property
    def hints(self) -> dict[str, bool]:
        """What a client may tell its user of the tool; of one that reads only, repeating it changes nothing."""
        return {
            "read_only_hint": not self.writes,
            "destructive_hint": self.destructive,
            "idempotent_hint": self.idempotent or not self.writes,
            "open_world_hint": self.outside,
        }

    @property
    def arguments(self) -> list[Argument]:
        return [_argument(one) for one in self.takes.split()]


def _argument(said: str) -> Argument:
    name, is_default, default = said.partition("=")
    return Argument(name.rstrip("!"), name.endswith("!"), json.loads(default) if is_default else None)


@dataclass(frozen=True)
class Described:
    """What is generated of a tool: the scope its call needs, the schema of its arguments, and that of what it answers."""

    scope: str
    arguments: dict[str, Any]
    answer: dict[str, Any]


@cache
def descriptions() -> dict[str, Described]:
    """By the tool's name."""
    made = json.loads((Path(__file__).parent / "tools.json").read_text())
    return {name: Described(one["scope"], one["arguments"], one["answer"]) for name, one in made.items()}
