"""All documents at the end of a seed, read once and beside the client."""

from collections.abc import Iterator
from typing import Any, TypeVar

from emulators.firestore.messages import Document as Stored
from shared.domain.documents import Document
from shared.store.codec import decode_values
from shared.store.reading import _value
from tests.simulation.play import Play

D = TypeVar("D", bound=Document)


def every_document(play: Play) -> Iterator[tuple[str, Any]]:
    """Path and fields."""
    for stored in play.cloud.firestore._store.documents_after(0, None, 100_000):
        document = Stored.FromString(stored.data)
        yield document.name.partition("/documents/")[2], document.fields


def documents_of(play: Play, kind: type[D]) -> list[D]:
    """Of one kind, each as a stage would have read it."""
    if not play.remains:
        for path, fields in every_document(play):
            play.remains.setdefault(shape(path), []).append((path, fields))
    blobs = play.cloud.world.store.blobs
    return [
        decode_values(kind, path, {name: _value(value) for name, value in fields.items()}, None, blobs)
        for path, fields in play.remains.get(shape(kind.PATH), [])
    ]


def shape(path: str) -> str:
    """The collections on the way: what the paths of one kind have in common."""
    return "/".join(path.split("/")[0::2])
