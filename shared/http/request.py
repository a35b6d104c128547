"""A request and a response as the kit sees them, whatever host carries them."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from shared.http.streaming import Hosted


class Headers:
    """Request headers by name in any case; of a repeated header the first counts."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), value)

    def get(self, name: str, default: str = "") -> str:
        return self._values.get(name.lower(), default)

    def beginning(self, start: str) -> dict[str, str]:
        """All whose name begins so, names in lower case."""
        return {name: value for name, value in self._values.items() if name.startswith(start)}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values


@dataclass
class Request:
    """`path` is raw: its segments are still percent-encoded, so that an encoded slash stays inside its segment."""

    method: str
    path: str
    query_string: str = ""
    headers: Headers = field(default_factory=Headers)
    body: BinaryIO | None = None
    content_length: int | None = None
    remote: str = ""


@dataclass
class Response:
    """An async body, or one that an application sends (`Hosted`), needs an ASGI host: see `shared.http.streaming`."""

    status: int
    headers: dict[str, str]
    body: "bytes | Iterator[bytes] | AsyncIterator[bytes] | Hosted" = b""


@dataclass
class UploadedFile:
    """One file part. `stream` stands at its beginning; `size` is in bytes."""

    field: str
    filename: str
    content_type: str
    stream: BinaryIO
    size: int
    sha256: str

    def close(self) -> None:
        self.stream.close()
