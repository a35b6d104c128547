"""What the service refuses, with the names both of its protocols give to it."""

import json
from typing import Any
from xml.sax.saxutils import escape


class StorageError(Exception):
    """A refusal: HTTP status, the JSON API's reason, and the XML API's code."""

    def __init__(self, status: int, reason: str, message: str, code: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.code = code
        self.details = details

    def as_json(self) -> bytes:
        one = {"message": self.message, "domain": "global", "reason": self.reason}
        return json.dumps({"error": {"code": self.status, "message": self.message, "errors": [one]}}).encode()

    def as_xml(self) -> bytes:
        details = f"<Details>{escape(self.details)}</Details>" if self.details else ""
        body = f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>{details}</Error>"
        return f"<?xml version='1.0' encoding='UTF-8'?>{body}".encode("utf-8", "replace")


def no_such_bucket(name: str) -> StorageError:
    return StorageError(404, "notFound", f"No such bucket: {name}", "NoSuchBucket")


def no_such_object(bucket: str, name: str) -> StorageError:
    return StorageError(404, "notFound", f"No such object: {bucket}/{name}", "NoSuchKey")


def not_found(what: str) -> StorageError:
    return StorageError(404, "notFound", f"Not found: {what}", "NotFound")


def invalid(message: str, code: str = "InvalidArgument") -> StorageError:
    return StorageError(400, "invalid", message, code)


def conflict(message: str, code: str = "Conflict") -> StorageError:
    return StorageError(409, "conflict", message, code)


def precondition_failed(which: str) -> StorageError:
    message = f"The precondition {which} does not hold."
    return StorageError(412, "conditionNotMet", message, "PreconditionFailed")


def not_modified() -> StorageError:
    return StorageError(304, "notModified", "Not modified.", "NotModified")


def range_not_satisfiable(size: int) -> StorageError:
    message = f"The requested range begins after the last of {size} bytes."
    return StorageError(416, "requestedRangeNotSatisfiable", message, "InvalidRange")


def unimplemented(what: str) -> StorageError:
    return StorageError(501, "notImplemented", f"This emulator does not answer {what}.", "NotImplemented")


def denied(details: str) -> StorageError:
    return StorageError(403, "forbidden", "Access denied.", "AccessDenied", details)


def injected(status: int, message: str) -> StorageError:
    return StorageError(status, "backendError", message, "InternalError")


Resource = dict[str, Any]
