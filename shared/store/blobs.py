"""Where the long values of documents go: objects below `blobs/{tenant}/{owner}/`, named after their content.

The owner is the media item where the document belongs to one, so that purging the item takes its blobs along; so it is with
chat sessions.
"""

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from shared.config import Settings
from shared.domain.documents import Document

if TYPE_CHECKING:
    from shared.objects.buckets import Objects


class Blobs(Protocol):
    def put(self, document: Document, text: str) -> str:
        """Keeps a value of the document; returns the name to read it by."""

    def get(self, name: str) -> str: ...


class StoredBlobs:
    """Connects on first use: most documents have no long value."""

    def __init__(self, settings: Settings, objects: "Objects | None" = None) -> None:
        self._settings = settings
        self._given = objects

    @cached_property
    def _objects(self) -> "Objects":
        from shared.objects import buckets

        return self._given or buckets.connect(self._settings)

    def put(self, document: Document, text: str) -> str:
        content = text.encode()
        tenant = getattr(document, "tenant")  # noqa: B009  every document that has long values has one
        name = f"blobs/{tenant}/{_owner(document)}/{hashlib.sha256(content).hexdigest()}.json"
        self._objects.put_derived(name, content, "application/json")
        return name

    def get(self, name: str) -> str:
        return self._objects.read(f"gs://{self._objects.derived}/{name}").decode()


def _owner(document: Document) -> str:
    for field in ("video_id", "run_id", "prompt_id", "session_id"):
        found = getattr(document, field, "")
        if found:
            return found
    return "other"
