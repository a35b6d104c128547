"""The only mapper between documents of the domain and what Firestore keeps.

A JSON field above 256 KiB goes to an object, and the document keeps `blob:<object name>`: no JSON text begins like that.
"""

import json
import re
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar

from google.cloud.firestore import DocumentSnapshot

from shared.domain.documents import Document
from shared.store.blobs import Blobs

MOST_INLINE_BYTES = 256 * 1024
_ELSEWHERE = "blob:"

D = TypeVar("D", bound=Document)


def path_fields(cls: type[Document]) -> tuple[str, ...]:
    """The field names in the path, in order: `("tenant", "run_id")`."""
    return _names_in(cls.PATH)


@cache
def _names_in(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{(\w+)\}", path))


Stored = tuple[tuple[str, str, bool], ...]
_KNOWN: dict[str, Stored] = {}


def _stored_fields(cls: type[Document]) -> Stored:
    """(attribute, stored name, is JSON) of each field that stands in the document's body."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    if name not in _KNOWN:
        in_path = set(path_fields(cls))
        _KNOWN[name] = tuple(
            (f.name, f"{f.name}_json" if f.metadata.get("json") else f.name, bool(f.metadata.get("json")))
            for f in fields(cls)
            if f.name not in in_path and not f.metadata.get("transient")
        )
    return _KNOWN[name]


def field_mask(cls: type[Document], names: tuple[str, ...]) -> tuple[str, ...]:
    """Stored names of these attributes and of those that every copy must have."""
    needed = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    stored = {attribute: name for attribute, name, _ in _stored_fields(cls)}
    unknown = set(names) - set(stored)
    if unknown:
        raise ValueError(f"{cls.__name__} keeps no {', '.join(sorted(unknown))}")
    return tuple(name for attribute, name in stored.items() if attribute in needed or attribute in names)


def document_path(document: Document) -> str:
    return document.PATH.format(**{name: getattr(document, name) for name in path_fields(type(document))})


def encode_values(document: Document, values: dict[str, Any], blobs: Blobs) -> dict[str, Any]:
    """Stored names and values of some fields of the document."""
    stored = {attribute: (name, is_json) for attribute, name, is_json in _stored_fields(type(document))}
    body = {}
    for attribute, value in values.items():
        name, is_json = stored[attribute]
        body[name] = _dump(value, document, blobs) if is_json else value
    return body


def encode(document: Document, blobs: Blobs) -> dict[str, Any]:
    values = {name: getattr(document, name) for name, _, _ in _stored_fields(type(document))}
    return encode_values(document, values, blobs)


def decode(cls: type[D], snapshot: DocumentSnapshot, blobs: Blobs) -> D:
    return decode_values(cls, snapshot.reference.path, snapshot.to_dict() or {}, snapshot.update_time, blobs)


def decode_values(cls: type[D], path: str, data: dict[str, Any], revision: Any, blobs: Blobs, *, whole: bool = True) -> D:
    """Absent fields take their defaults, so that older documents stay readable."""
    values: dict[str, Any] = dict(zip(path_fields(cls), path.split("/")[1::2], strict=True))
    for name, stored, is_json in _stored_fields(cls):
        if stored in data:
            values[name] = _load(data[stored], blobs) if is_json else data[stored]
    return cls(**values, revision=revision, whole=whole)


def _dump(value: Any, document: Document, blobs: Blobs) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text) * 4 <= MOST_INLINE_BYTES or len(text.encode()) <= MOST_INLINE_BYTES:
        return text
    return _ELSEWHERE + blobs.put(document, text)


def _load(text: str, blobs: Blobs) -> Any:
    return json.loads(blobs.get(text.removeprefix(_ELSEWHERE)) if text.startswith(_ELSEWHERE) else text)
