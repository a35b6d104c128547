"""The index entries of one document.

An entry is (scope, definition, bytes): the scope is a collection or a whole collection group, the bytes are the encoded
fields of the definition followed by the document's name, so that a range of bytes is a range of the query's order.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

from .catalogue import Catalogue, Definition, Scope, single
from .fields import FieldPath, find
from .names import DocumentName, path_key, segment_key
from .refusal import invalid
from .values import encode_indexed, is_vector, turned

MAX_ENTRIES = 40_000
Entry = tuple[int, int, bytes]


def name_key(name: DocumentName, scope: Scope) -> bytes:
    """The document's name as entries end with it: its id within a collection, its whole path within a group."""
    return segment_key(name.ident) if scope == "COLLECTION" else path_key(name.path)


class Indexer:
    """Turns documents into entries; `number_of` gives the stored number of a definition."""

    def __init__(self, catalogue: Catalogue, number_of: Callable[[Definition], int]) -> None:
        self._catalogue = catalogue
        self._number_of = number_of
        self._numbers: dict[tuple[str, FieldPath], tuple[int | None, int | None]] = {}

    def entries(self, name: DocumentName, document: Any, collection: int, group: int) -> set[Entry]:
        """All entries of a document; `collection` and `group` are the scopes' numbers."""
        group_name = name.collection.rpartition("/")[2]
        found: set[Entry] = set()
        tail = name_key(name, "COLLECTION")
        self._automatic(found, group_name, document.fields, (), collection, tail)
        catalogue = self._catalogue
        if catalogue.enforced:
            for definition in catalogue.composites(group_name, "COLLECTION"):
                self._declared(found, definition, document, collection, tail)
            whole = [
                *catalogue.group_fields(group_name),
                *catalogue.composites(group_name, "COLLECTION_GROUP"),
            ]
            if whole:
                tail = name_key(name, "COLLECTION_GROUP")
                for definition in whole:
                    self._declared(found, definition, document, group, tail)
        if len(found) > MAX_ENTRIES:
            raise invalid(f"too many index entries for entity: {len(found)}; the limit is {MAX_ENTRIES}")
        return found

    def entries_of(
        self, definitions: Iterable[tuple[Scope, Definition]], name: DocumentName, document: Any, collection: int, group: int
    ) -> set[Entry]:
        """Those of some declared definitions alone."""
        found: set[Entry] = set()
        for scope, definition in definitions:
            number = collection if scope == "COLLECTION" else group
            self._declared(found, definition, document, number, name_key(name, scope))
        return found

    def _automatic(self, found: set[Entry], group: str, fields: Any, above: FieldPath, scope: int, tail: bytes) -> None:
        for part, value in fields.items():
            path = (*above, part)
            ordered, members = self._kept(group, path)
            kind = value.WhichOneof("value_type")
            if ordered is not None:
                found.add((scope, ordered, encode_indexed(value) + tail))
            if kind == "array_value" and members is not None:
                for item in value.array_value.values:
                    found.add((scope, members, encode_indexed(item) + tail))
            elif kind == "map_value" and not is_vector(value.map_value.fields):
                self._automatic(found, group, value.map_value.fields, path, scope, tail)

    def _kept(self, group: str, path: FieldPath) -> tuple[int | None, int | None]:
        known = self._numbers.get((group, path))
        if known is None:
            if len(self._numbers) > 20_000:  # maps with ever new keys must not fill the memory
                self._numbers.clear()
            ordered, members = self._catalogue.keeps(group, path)
            known = (
                self._number_of(single(path)) if ordered else None,
                self._number_of(single(path, "CONTAINS")) if members else None,
            )
            self._numbers[group, path] = known
        return known

    def _declared(self, found: set[Entry], definition: Definition, document: Any, scope: int, tail: bytes) -> None:
        number = self._number_of(definition)
        ending = turned(tail) if definition.name_turned else tail
        for parts in product(*_components(definition, document)):
            found.add((scope, number, b"".join(parts) + ending))


def _components(definition: Definition, document: Any) -> Iterator[list[bytes]]:
    """For each field of the definition the bytes it contributes; an empty list keeps the document out of the index."""
    for path, mode in definition.parts:
        value = find(document, path)
        if value is None:
            yield []
        elif mode == "CONTAINS":
            yield list({encode_indexed(item) for item in value.array_value.values})
        else:
            encoded = encode_indexed(value)
            yield [turned(encoded) if mode == "DESCENDING" else encoded]
