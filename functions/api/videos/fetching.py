"""Media that only a connector can read: the object is copied into the originals while the caller waits.

`video_uri` is what the connector's own store calls the object: `gs://…`, `s3://…`, or the blob's https address.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import unquote

from shared.connectors.opening import Opener
from shared.connectors.port import Cloud, CloudCode, CloudError, CloudFile
from shared.connectors.refusals import refused
from shared.domain.connectors import IMPORT, Connector, Provider
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.media.ranged import RangedFile
from shared.objects.buckets import ObjectInfo, Objects

if TYPE_CHECKING:
    from shared.media.probe import MediaInfo

MOST_BYTES = 2 * 1024**3  # what is copied well within a request's time

Judge = Callable[[BinaryIO], "MediaInfo"]


class _Torn(Exception):
    """What arrived is not what the store said it holds."""


def fetch(
    objects: Objects, opener: Opener, connector: Connector, video_uri: str, video_id: str, metadata: dict[str, str], judge: Judge
) -> "tuple[str, ObjectInfo, MediaInfo]":
    """The object's path in the connector's bucket, the stored original and what it is; judged before anything is stored."""
    if IMPORT not in connector.scopes:
        raise invalid("source_connector_id", "this connector has not the scope import; add it with PATCH")
    try:
        cloud = opener.open(connector)
        path = _path(cloud, connector, video_uri)
        file = cloud.stat(path)
        if file.size > MOST_BYTES:
            message = f"an object of at most {MOST_BYTES // 1024**3} GiB is registered; bring larger ones with POST /import-jobs"
            raise ApiError(ErrorCode.PAYLOAD_TOO_LARGE, message)
        info = judge(cast(BinaryIO, RangedFile(lambda start, count: b"".join(cloud.read(file, start, count)), file.size)))
        named = {**metadata, "source_connector_id": connector.connector_id, "source_etag": file.etag}
        stored = objects.stream_original(connector.tenant, video_id, _whole(cloud, file), info.mime_type, named)
    except CloudError as error:
        if error.code in (CloudCode.NO_SUCH_FILE, CloudCode.BAD_NAME):
            raise invalid("video_uri", error.message) from error
        raise refused(error) from error
    except _Torn as error:
        raise ApiError(
            ErrorCode.UPSTREAM_FAILED, "the store broke off, or gave another object than it named; try again"
        ) from error
    return path, stored, info


def _path(cloud: Cloud, connector: Connector, video_uri: str) -> str:
    place = cloud.uri("")
    if not video_uri.startswith(place) or video_uri == place:
        raise invalid("video_uri", f"the connector leads to {place}… and nowhere else")
    path = video_uri.removeprefix(place)
    return unquote(path) if connector.provider == Provider.AZURE else path


def _whole(cloud: Cloud, file: CloudFile) -> Iterator[bytes]:
    """What this raises at its end leaves no object behind."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    for piece in cloud.read(file):
        digest.update(piece)
        size += len(piece)
        yield piece
    if size != file.size or (file.md5 and digest.hexdigest() != file.md5):
        raise _Torn
