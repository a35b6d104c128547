"""What one `Write` makes of the document it names."""

from dataclasses import dataclass
from typing import Any

from . import fields, limits, transforms
from .messages import Document, WriteResult, micros_of, timestamp
from .names import DocumentName, parse_document
from .refusal import Refused, invalid


@dataclass(frozen=True)
class Outcome:
    """The document after the write (None: deleted or still not there), whether it differs, and what the client is told."""

    name: DocumentName
    document: Any | None
    changed: bool
    result: Any


def target(write: Any) -> DocumentName:
    """The document a write is about."""
    kind = write.WhichOneof("operation")
    if kind == "update":
        return parse_document(write.update.name)
    if kind == "delete":
        return parse_document(write.delete)
    if kind == "transform":
        return parse_document(write.transform.document)
    raise invalid("a write updates, deletes or transforms a document")


def carry_out(write: Any, name: DocumentName, stored: Any | None, now: int) -> Outcome:
    """Applies a write to the stored document, which is not touched; `now` is the commit's time in microseconds."""
    _check_precondition(write.current_document, name, stored)
    if write.WhichOneof("operation") == "delete":
        return Outcome(name, None, stored is not None, WriteResult())
    document = _updated(write, name, stored)
    result = WriteResult()
    field_transforms = (
        write.transform.field_transforms if write.WhichOneof("operation") == "transform" else write.update_transforms
    )
    for transform in field_transforms:
        result.transform_results.append(transforms.apply(document, transform, now))
    limits.check_document(name, document)
    if stored is not None and document.fields == stored.fields:
        # Production keeps the update time of a document that a write did not change.
        result.update_time.CopyFrom(stored.update_time)
        return Outcome(name, stored, False, result)
    document.name = name.full
    document.create_time.CopyFrom(stored.create_time if stored is not None else timestamp(now))
    document.update_time.CopyFrom(timestamp(now))
    result.update_time.CopyFrom(document.update_time)
    return Outcome(name, document, True, result)


def _check_precondition(condition: Any, name: DocumentName, stored: Any | None) -> None:
    kind = condition.WhichOneof("condition_type")
    if kind == "exists":
        if condition.exists and stored is None:
            raise Refused("NOT_FOUND", f"No document to update: {name.full}")
        if not condition.exists and stored is not None:
            raise Refused("ALREADY_EXISTS", f"Document already exists: {name.full}")
    elif kind == "update_time":
        if stored is None:
            raise Refused("FAILED_PRECONDITION", f"No document to compare: {name.full} does not exist")
        required, actual = micros_of(condition.update_time), micros_of(stored.update_time)
        if required != actual:
            raise Refused(
                "FAILED_PRECONDITION",
                f"the stored version ({actual}) does not match the required base version ({required})",
            )


def _updated(write: Any, name: DocumentName, stored: Any | None) -> Any:
    """The document with the write's own fields, before transforms."""
    document = Document()
    if write.WhichOneof("operation") == "transform":
        if stored is not None:
            document.CopyFrom(stored)
        return document
    if not write.HasField("update_mask"):
        for part, value in write.update.fields.items():
            document.fields[part].CopyFrom(value)
        return document
    if stored is not None:
        document.CopyFrom(stored)
    for text in write.update_mask.field_paths:
        path = fields.parse_path(text)
        for part in path:
            limits.check_field_name(part)
        value = fields.find(write.update, path)
        if value is None:
            fields.remove(document, path)
        else:
            fields.put(document, path, value)
    return document
