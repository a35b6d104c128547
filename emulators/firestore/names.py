"""Resource names: `projects/P/databases/D/documents/collection/document/…`, taken apart, checked and put in order."""

import re
from typing import NamedTuple

from .refusal import invalid

MAX_ID_BYTES = 1500
MAX_LEVELS = 100
LOWEST_ID = "__id-9223372036854775808__"
"""An id clients ask from on to mean the beginning of a collection. No document has it."""
_RESERVED = re.compile(r"__.*__", re.DOTALL)


class DocumentName(NamedTuple):
    """`database` is `projects/P/databases/D`; `collection` is the path below it, such as `tenants/t/runs`."""

    database: str
    collection: str
    ident: str

    @property
    def full(self) -> str:
        return f"{self.database}/documents/{self.collection}/{self.ident}"

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.ident}"


def check_segment(segment: str, what: str) -> None:
    if not segment:
        raise invalid(f"{what} must not be empty")
    if segment in (".", "..") or _RESERVED.fullmatch(segment):
        raise invalid(f'{what} "{segment[:100]}" is reserved or not allowed')
    if len(segment) > 375 and len(segment.encode()) > MAX_ID_BYTES:
        raise invalid(f"{what} is longer than {MAX_ID_BYTES} bytes")


def database_of(name: str) -> str:
    """The `projects/P/databases/D` a resource name starts with."""
    parts = name.split("/", 4)
    if len(parts) < 4 or parts[0] != "projects" or parts[2] != "databases" or not parts[1] or not parts[3]:
        raise invalid(f'"{name[:200]}" is not the name of a database or of something in one')
    return "/".join(parts[:4])


def parse_parent(name: str) -> tuple[str, str]:
    """Database and relative path of a document, or `""` for the root of the database."""
    database = database_of(name)
    rest = name[len(database) :]
    if rest in ("", "/documents"):
        return database, ""
    if not rest.startswith("/documents/"):
        raise invalid(f'"{name[:200]}" is not the name of a parent')
    document = parse_document(name)
    return database, document.path


def parse_document(name: str, bound: bool = False) -> DocumentName:
    """Takes a document's full name apart and enforces what production allows in it.

    A `bound` is only compared with, so it may be a name that no document can have.
    """
    parts = name.split("/")
    if len(parts) < 7 or parts[0] != "projects" or parts[2] != "databases" or parts[4] != "documents":
        raise invalid(f'"{name[:200]}" is not the name of a document')
    segments = parts[5:]
    if len(segments) % 2:
        raise invalid(f'"{name[:200]}" names a collection, not a document')
    if len(segments) > 2 * MAX_LEVELS:
        raise invalid(f"documents lie at most {MAX_LEVELS} collections deep")
    for position, segment in enumerate(() if bound else segments):
        check_segment(segment, "a document id" if position % 2 else "a collection id")
    return DocumentName("/".join(parts[:4]), "/".join(segments[:-1]), segments[-1])


def segment_key(segment: str) -> bytes:
    """Bytes that sort as the segment does, end in themselves, and stay in order when all bits are turned."""
    if segment == LOWEST_ID:
        return b"\0\x01"
    return segment.encode().replace(b"\0", b"\0\xff") + b"\0\x01"


def path_key(path: str) -> bytes:
    """Bytes that sort relative paths segment by segment; what lies below a path starts with the key of the path
    less its last two bytes."""
    return b"".join(segment_key(s) for s in path.split("/")) + b"\0\0" if path else b"\0\0"


def key_path(key: bytes) -> str:
    """The path a `path_key` was made from."""
    return "/".join(_unescaped(part) for part in key[:-2].split(b"\0\x01")[:-1])


def _unescaped(part: bytes) -> str:
    return part.replace(b"\0\xff", b"\0").decode()
