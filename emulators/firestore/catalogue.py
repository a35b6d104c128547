"""Which indexes there are: the composite ones a file declares, and the single-field ones that come by themselves."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from .fields import NAME, FieldPath, format_path, parse_path

Scope = Literal["COLLECTION", "COLLECTION_GROUP"]
Mode = Literal["ASCENDING", "DESCENDING", "CONTAINS"]
Part = tuple[FieldPath, Mode]


@dataclass(frozen=True)
class Definition:
    """The fields of an index in order; the document's name follows as the last, `name_turned` if descending."""

    parts: tuple[Part, ...]
    name_turned: bool = False

    @cached_property
    def key(self) -> str:
        """One text for one definition, whatever collection it is used in."""
        text = ",".join(f"{mode[0]}{format_path(path)}" for path, mode in self.parts)
        return text + ("-" if self.name_turned else "+")

    def as_json(self, collection_group: str, scope: Scope) -> dict:
        """The form it has in `firestore.indexes.json`."""
        rows: list[dict[str, str]] = []
        for path, mode in self.parts:
            kind = "arrayConfig" if mode == "CONTAINS" else "order"
            rows.append({"fieldPath": format_path(path), kind: mode})
        last = self.parts[-1][1] if self.parts else "ASCENDING"
        if self.name_turned != (last == "DESCENDING"):
            rows.append({"fieldPath": "__name__", "order": "DESCENDING" if self.name_turned else "ASCENDING"})
        return {"collectionGroup": collection_group, "queryScope": scope, "fields": rows}


def single(path: FieldPath, mode: Mode = "ASCENDING") -> Definition:
    return Definition(((path, mode),))


class Catalogue:
    """The declared indexes. Without a file nothing is enforced, and only what comes by itself is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._declare(path is not None, json.loads(path.read_text()) if path is not None else {})

    @classmethod
    def remembered(cls, fingerprint: str) -> "Catalogue":
        """The one that had this fingerprint."""
        made = cls()
        made._declare(*json.loads(fingerprint))
        return made

    def _declare(self, enforced: bool, declared: dict) -> None:
        self.enforced = enforced
        self.fingerprint = json.dumps([self.enforced, declared], sort_keys=True)
        self._composites: dict[tuple[str, str], list[Definition]] = defaultdict(list)
        self._overrides: dict[tuple[str, FieldPath], set[tuple[Scope, Mode]]] = {}
        self._whole_group: dict[str, FieldPath] = {}
        self._group_fields: dict[str, list[Definition]] = defaultdict(list)
        for row in declared.get("indexes", []):
            definition = _definition(row["fields"])
            self._composites[row["collectionGroup"], row.get("queryScope", "COLLECTION")].append(definition)
        for row in declared.get("fieldOverrides", []):
            self._override(row)

    def _override(self, row: dict) -> None:
        group, path = row["collectionGroup"], _override_path(row["fieldPath"])
        allowed = {(i.get("queryScope", "COLLECTION"), _mode(i)) for i in row.get("indexes", [])}
        self._overrides[group, path] = allowed
        for scope, mode in allowed:
            if scope == "COLLECTION_GROUP" and path != ("*",):
                kept = single(path, "CONTAINS" if mode == "CONTAINS" else "ASCENDING")
                if kept not in self._group_fields[group]:
                    self._group_fields[group].append(kept)

    def composites(self, group: str, scope: Scope) -> list[Definition]:
        return self._composites.get((group, scope), [])

    def group_fields(self, group: str) -> list[Definition]:
        """The single-field indexes kept over the whole collection group."""
        return self._group_fields.get(group, [])

    def overrides(self, group: str) -> dict[FieldPath, set[tuple[Scope, Mode]]]:
        """What is declared of single fields of the group, by their paths."""
        return {path: allowed for (name, path), allowed in self._overrides.items() if name == group}

    def allows(self, group: str, path: FieldPath, mode: Mode, scope: Scope) -> bool:
        """Whether a single-field index of this field exists; the nearest override decides, then the automatic rule."""
        for length in range(len(path), 0, -1):
            found = self._overrides.get((group, path[:length]))
            if found is not None:
                return (scope, mode) in found
        found = self._overrides.get((group, ("*",)))
        if found is not None:
            return (scope, mode) in found
        return scope == "COLLECTION"

    def keeps(self, group: str, path: FieldPath) -> tuple[bool, bool]:
        """Whether entries by order and by array member are kept for a field of a collection."""
        if not self._overrides:
            return True, True
        ordered = any(self.allows(group, path, mode, "COLLECTION") for mode in ("ASCENDING", "DESCENDING"))
        return ordered, self.allows(group, path, "CONTAINS", "COLLECTION")


def _mode(row: dict) -> Mode:
    return "CONTAINS" if "arrayConfig" in row else row["order"]


def _override_path(text: str) -> FieldPath:
    return ("*",) if text == "*" else parse_path(text)


def _definition(rows: Iterable[dict]) -> Definition:
    parts: list[Part] = [(parse_path(row["fieldPath"]), _mode(row)) for row in rows]
    if parts and parts[-1][0] == NAME:
        return Definition(tuple(parts[:-1]), parts[-1][1] == "DESCENDING")
    return Definition(tuple(parts), bool(parts) and parts[-1][1] == "DESCENDING")
