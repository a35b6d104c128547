"""What the product asks of a customer's storage, whichever of the three kinds it is.

    cloud = opener.open(connector)                    # no call yet
    for page in cloud.pages("incoming/"): …           # listing, a page at a time
    for piece in cloud.read(found): …                 # exactly the version that was listed
    uri = cloud.write("exports/run.json", pieces)     # whole or not at all

All of it raises `CloudError`, whose message is fit for the user: it holds no secret and no address of ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

PIECE_BYTES = 1024 * 1024  # of what `read` gives
PART_BYTES = 8 * 1024 * 1024  # held at once while writing
PAGE_FILES = 1_000


class CloudCode(StrEnum):
    """Why a store did not do it; `retryable` says whether asking again can help."""

    retryable: bool

    def __new__(cls, code: str, retryable: bool) -> "CloudCode":
        member = str.__new__(cls, code)
        member._value_ = code
        member.retryable = retryable
        return member

    CREDENTIALS_REFUSED = ("credentials_refused", False)
    ACCESS_DENIED = ("access_denied", False)
    NO_SUCH_BUCKET = ("no_such_bucket", False)
    NO_SUCH_FILE = ("no_such_file", False)
    FILE_CHANGED = ("file_changed", False)  # it is not the version any more that was listed
    BAD_NAME = ("bad_name", False)  # a name that could lead elsewhere
    ADDRESS_REFUSED = ("address_refused", False)  # the store's name leads to an address that is not public
    STORE_BUSY = ("store_busy", True)
    STORE_UNREACHABLE = ("store_unreachable", True)
    STORE_FAILED = ("store_failed", True)


class CloudError(Exception):
    def __init__(self, code: CloudCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class CloudFile:
    """One object. `etag` names its version: as long as it is the same, so is the content."""

    path: str
    size: int
    etag: str
    last_modified: datetime
    content_type: str = ""
    md5: str = ""  # hex, where the store knows it


@dataclass(frozen=True)
class FilePage:
    """`next_token` goes on behind this page, "" at the end; good for the same listing alone."""

    files: list[CloudFile]
    next_token: str


class Cloud(Protocol):
    """One bucket or container. Clients behind it are made with the first call; not for several threads at once."""

    def page(self, prefix: str, *, recursive: bool = True, token: str = "", limit: int = PAGE_FILES) -> FilePage:
        """Objects whose path begins with `prefix`, in the store's order; not recursive: no further `/` behind the prefix."""
        ...

    def stat(self, path: str) -> CloudFile: ...

    def read(self, file: CloudFile, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        """Pieces of at most `PIECE_BYTES`, of this version alone: FILE_CHANGED if it was replaced."""
        ...

    def write(self, path: str, content: Iterable[bytes], content_type: str = "application/octet-stream") -> str:
        """Streams the pieces into an object and returns its URI; an object of that name is replaced.

        The object appears when the last piece has arrived; whatever `content` raises ends the writing without a trace.
        """
        ...

    def uri(self, path: str) -> str:
        """How people name an object: `gs://…`, `s3://…` or the blob's https address."""
        ...

    def check_read(self) -> None:
        """Returns if the bucket can be listed."""
        ...

    def check_write(self, path: str) -> None:
        """Returns if an object could be written there; leaves none."""
        ...


def pages(cloud: Cloud, prefix: str, *, recursive: bool = True) -> Iterator[list[CloudFile]]:
    """The whole listing, a page in memory at a time."""
    token = ""
    while True:
        page = cloud.page(prefix, recursive=recursive, token=token)
        yield page.files
        token = page.next_token
        if not token:
            return
