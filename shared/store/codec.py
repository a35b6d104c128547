"""The only mapper between documents of the domain and what Firestore keeps."""

import json
import re
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from google.cloud.firestore import DocumentSnapshot

from shared.domain.documents import Document

D = TypeVar("D", bound=Document)


@cache
def path_fields(cls: type[Document]) -> tuple[str, ...]:
    """The field names in the path, in order: `("tenant", "run_id")`."""
    return tuple(re.findall(r"\{(\w+)\}", cls.PATH))


@cache
def _stored_fields(cls: type[Document]) -> tuple[tuple[str, str, bool], ...]:
    """(attribute, stored name, is JSON) of each field that stands in the document's body."""
    in_path = set(path_fields(cls))
    return tuple(
        (f.name, f"{f.name}_json" if f.metadata.get("json") else f.name, bool(f.metadata.get("json")))
        for f in fields(cls)
        if f.name not in in_path and not f.metadata.get("transient")
    )


def document_path(document: Document) -> str:
    return document.PATH.format(**{name: getattr(document, name) for name in path_fields(type(document))})


def encode_value(cls: type[Document], name: str, value: Any) -> tuple[str, Any]:
    """The stored name and value of one field."""
    for attribute, stored, is_json in _stored_fields(cls):
        if attribute == name:
            return stored, _dump(value) if is_json else value
    raise AttributeError(f"{cls.__name__} stores no field {name}")


def encode(document: Document) -> dict[str, Any]:
    return {
        stored: _dump(getattr(document, name)) if is_json else getattr(document, name)
        for name, stored, is_json in _stored_fields(type(document))
    }


def decode(cls: type[D], snapshot: DocumentSnapshot) -> D:
    """Absent fields take their defaults, so that older documents stay readable."""
    data = snapshot.to_dict() or {}
    values: dict[str, Any] = dict(zip(path_fields(cls), snapshot.reference.path.split("/")[1::2], strict=True))
    for name, stored, is_json in _stored_fields(cls):
        if stored in data:
            values[name] = json.loads(data[stored]) if is_json else data[stored]
    return cls(**values, revision=snapshot.update_time)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
