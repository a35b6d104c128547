"""Evidence that came written in the request: JSON found in the prompt, else the sentences of the prompt itself."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulators.vertex.generate.vocabulary import words_of

_DECODER = json.JSONDecoder()
_OPENING = re.compile(r"[{\[]")
MAX_LEAVES = 50_000


@dataclass(frozen=True)
class Node:
    """A value somewhere in the JSON, with the names that lead to it (list positions left out)."""

    path: tuple[str, ...]
    value: Any


class Notes:
    """What the words of a request tell. Where they hold JSON, the prose around it is taken as instruction only."""

    def __init__(self, text: str) -> None:
        self.documents, self.prose = _parted(text)

    @cached_property
    def nodes(self) -> list[Node]:
        found: list[Node] = []
        for document in self.documents:
            for node in _walk(document, ()):
                found.append(node)
                if len(found) >= MAX_LEAVES:
                    return found
        return found

    @cached_property
    def leaves(self) -> list[Node]:
        return [node for node in self.nodes if not isinstance(node.value, dict | list) and node.value is not None]

    @cached_property
    def sentences(self) -> list[str]:
        """Everything said in words, in order, each once."""
        texts = [node.value for node in self.leaves if isinstance(node.value, str)] if self.documents else [self.prose]
        parts = (part for text in texts for part in split_sentences(text))
        return list(dict.fromkeys(part for part in parts if any(letter.isalpha() for letter in part)))

    @cached_property
    def things(self) -> list[dict[str, Any]]:
        """The longest list of objects in the JSON, such as the segments of a film; objects written one after another
        are such a list too."""
        lists = [value for value in (*self.documents, *(node.value for node in self.nodes)) if isinstance(value, list)]
        lists.append(self.documents if len(self.documents) > 1 else [])
        objects = [[one for one in value if isinstance(one, dict)] for value in lists]
        return max(objects, key=len, default=[])

    @classmethod
    def of(cls, value: Any) -> "Notes":
        """Notes that hold one JSON value."""
        notes = cls("")
        notes.documents = [value]
        return notes

    def named(self, path: tuple[str, ...]) -> list[Node]:
        """Nodes called like the last name of the path, those whose parents agree most first choice; in written order."""
        wanted = [words_of(name) for name in path if name != "[]"]
        if not wanted or not wanted[-1]:
            return []
        agreeing: list[tuple[int, Node]] = []
        for names, node in self._by_name.get(" ".join(wanted[-1]), []):
            agreement = 0
            for ours, theirs in zip(reversed(wanted), reversed(names), strict=False):
                if ours != theirs:
                    break
                agreement += 1
            agreeing.append((agreement, node))
        best = max((agreement for agreement, _ in agreeing), default=0)
        return [node for agreement, node in agreeing if agreement == best]

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[list[list[str]], Node]]]:
        index: dict[str, list[tuple[list[list[str]], Node]]] = {}
        for node in self.nodes:
            names = [words_of(part) for name in node.path for part in re.split(r"[.\[\]]+", name) if part]
            if names and node.value is not None:
                index.setdefault(" ".join(names[-1]), []).append((names, node))
        return index


def split_sentences(text: str) -> list[str]:
    """Sentences by their end marks and lines; text without any comes back whole."""
    parts = re.split(r"(?<=[.!?…])\s+(?=[^\s])|[\r\n]+", text)
    return [part.strip() for part in parts if part and part.strip()]


def _parted(text: str) -> tuple[list[Any], str]:
    """The JSON values in a text and what is left of it. A JSON Schema is an instruction, so it is neither."""
    documents: list[Any] = []
    prose: list[str] = []
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        try:
            value, end = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            prose.append(text[at : opening.end()])
            at = opening.end()
            continue
        prose.append(text[at : opening.start()])
        at = end
        if not _is_schema(value) and value:
            documents.append(value)
    prose.append(text[at:])
    return documents, " ".join(prose).strip()


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and (
        "$schema" in value or ("type" in value and any(key in value for key in ("properties", "items", "enum")))
    )


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[Node]:
    if path:
        yield Node(path, value)
    if isinstance(value, dict):
        if _is_schema(value):
            return
        for name, inner in value.items():
            yield from _walk(inner, (*path, str(name)))
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict | list) or not path:
                yield from _walk(inner, path)
