"""Objects of the local storage by their `gs://` URI, for the models, which look at them themselves as Google's do."""

import http.client
import json
from urllib.parse import quote, urlsplit

_SECONDS = 60.0


class Stored:
    """`base_url` is the storage emulator's. All readers raise FileNotFoundError for an object that is not there."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port

    def read(self, uri: str) -> bytes:
        """The whole object."""
        return self._get(uri, {})

    def read_range(self, uri: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer at the object's end."""
        if length <= 0:
            return b""
        return self._get(uri, {"Range": f"bytes={start}-{start + length - 1}"})

    def size(self, uri: str) -> int:
        """In bytes."""
        return int(json.loads(self._exchange(uri, f"/storage/v1/{_resource(uri)}", {}))["size"])

    def _get(self, uri: str, headers: dict[str, str]) -> bytes:
        return self._exchange(uri, f"/download/storage/v1/{_resource(uri)}?alt=media", headers)

    def _exchange(self, uri: str, path: str, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status == 404:
            raise FileNotFoundError(uri)
        if response.status == 416:  # a range that begins at the end or behind it
            return b""
        if response.status not in (200, 206):
            raise OSError(f"storage answered {response.status} for {uri}")
        return body


def _resource(uri: str) -> str:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        raise FileNotFoundError(uri)
    return f"b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
