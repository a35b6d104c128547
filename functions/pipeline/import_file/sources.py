"""Where a file comes from: a connector's store, or an address that was sent with it.

An address is read as a stranger's: through the egress guard at each hop, without credentials, in bounded time. Where it serves
ranges it is read like a store; where it does not, and is small enough, it is read once and kept while it is worked on.
"""

import hashlib
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urljoin

import requests

from shared.connectors.network import broken
from shared.connectors.port import PIECE_BYTES, Cloud, CloudCode, CloudError, CloudFile
from shared.egress.client import Egress
from shared.egress.sessions import GuardedSession
from shared.egress.urls import Refused

MOST_HOPS = 4  # redirects that are followed
MOST_UNRANGED = 256 * 1024 * 1024  # bytes kept of what cannot be read in ranges
MOST_BYTES = 100 * 1024**3
WHOLE_SECONDS = 1_500.0  # for all reading of one file
WAIT_SECONDS = 60.0  # for the next bytes
_HELD_BYTES = 8 * 1024 * 1024
_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")
_WHERE = "the address"
_FRESH = "it may have run out: send a fresh one with POST /import-jobs/{job_id}/retry"


class Source(Protocol):
    """The part of a store that a copy needs. Both raise `CloudError`."""

    def stat(self, path: str) -> CloudFile: ...

    def read(self, file: CloudFile, start: int = 0, count: int | None = None) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Connected:
    """A store, whose client closes itself."""

    def __init__(self, cloud: Cloud) -> None:
        self.stat = cloud.stat
        self.read = cloud.read

    def close(self) -> None:
        return


class Download:
    """One file at one address. `stat` comes first."""

    def __init__(self, url: str, egress: Egress) -> None:
        self._url = url
        self._session = GuardedSession(egress.dialer, WAIT_SECONDS)
        self._session.headers.update({"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "videovector-functions"})
        self._ends = time.monotonic() + WHOLE_SECONDS
        self._kept: Any = None

    def close(self) -> None:
        self._session.close()
        if self._kept is not None:
            self._kept.close()

    def stat(self, path: str) -> CloudFile:
        with self._asked("bytes=0-0") as response:
            spans = _RANGE.match(response.headers.get("Content-Range", ""))
            if response.status_code == 206 and spans:
                size = int(spans[3])
                mark = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
                etag = hashlib.sha256(f"{mark}/{size}".encode()).hexdigest()
            else:
                size, etag = self._keep(response)
        if size > MOST_BYTES:
            raise CloudError(CloudCode.BAD_NAME, f"the file is larger than {MOST_BYTES // 1024**3} GiB")
        return CloudFile(path, size, etag, datetime.now(UTC))

    def read(self, file: CloudFile, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        end = file.size if count is None else min(file.size, start + count)
        if start >= end:
            return
        if self._kept is not None:
            self._kept.seek(start)
            while start < end and (piece := self._kept.read(min(PIECE_BYTES, end - start))):
                start += len(piece)
                yield piece
            return
        with self._asked(f"bytes={start}-{end - 1}") as response:
            spans = _RANGE.match(response.headers.get("Content-Range", ""))
            if response.status_code != 206 or spans is None or int(spans[1]) != start or int(spans[3]) != file.size:
                raise CloudError(CloudCode.FILE_CHANGED, "the file changed while it was read; take it up again")
            yield from self._bytes(response, end - start)

    def _keep(self, response: requests.Response) -> tuple[int, str]:
        self._kept = tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES)  # noqa: SIM115 - closed with the source
        digest = hashlib.sha256()
        for piece in self._bytes(response, MOST_UNRANGED + 1):
            digest.update(piece)
            self._kept.write(piece)
        size = self._kept.tell()
        if size > MOST_UNRANGED:
            message = f"the address does not serve ranges, and the file is larger than {MOST_UNRANGED // 1024**2} MiB"
            raise CloudError(CloudCode.BAD_NAME, message)
        return size, digest.hexdigest()

    def _bytes(self, response: requests.Response, most: int) -> Iterator[bytes]:
        try:
            for piece in response.iter_content(PIECE_BYTES):
                if time.monotonic() > self._ends:
                    raise CloudError(CloudCode.STORE_UNREACHABLE, f"{_WHERE} was too slow")
                piece = piece[:most]
                most -= len(piece)
                yield piece
                if most <= 0:
                    return
        except (OSError, requests.RequestException) as error:
            raise broken(error, _WHERE) from error

    @contextmanager
    def _asked(self, span: str) -> Iterator[requests.Response]:
        response = self._get(span)
        try:
            _check(response)
            yield response
        finally:
            response.close()

    def _get(self, span: str) -> requests.Response:
        """The answer at the end of the redirects, each hop checked like the first."""
        url = self._url
        try:
            for _ in range(MOST_HOPS):
                response = self._session.get(url, headers={"Range": span}, stream=True)
                if response.status_code not in (301, 302, 303, 307, 308):
                    return response
                url = urljoin(url, response.headers.get("Location", ""))
                response.close()
        except Refused as error:
            raise CloudError(CloudCode.ADDRESS_REFUSED, f"{_WHERE} cannot be used: {error}") from error
        except (OSError, requests.RequestException) as error:
            raise broken(error, _WHERE) from error
        raise CloudError(CloudCode.BAD_NAME, f"{_WHERE} redirects more than {MOST_HOPS - 1} times")


def _check(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status == 416:
        raise CloudError(CloudCode.NO_SUCH_FILE, "the file at the address is empty")
    if status == 429 or status == 503:
        raise CloudError(CloudCode.STORE_BUSY, f"{_WHERE} answered {status}")
    if status >= 500 or status == 408:
        raise CloudError(CloudCode.STORE_FAILED, f"{_WHERE} answered {status}")
    if status in (404, 410):
        raise CloudError(CloudCode.NO_SUCH_FILE, f"{_WHERE} answered {status}: there is no file; {_FRESH}")
    raise CloudError(CloudCode.ACCESS_DENIED, f"{_WHERE} answered {status}; {_FRESH}")
