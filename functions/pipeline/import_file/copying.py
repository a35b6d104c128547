"""The bytes of one object on their way into the originals bucket: looked at first, counted and summed as they pass."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from functions.pipeline.import_file.sources import Source
from shared.connectors.port import CloudFile
from shared.media.probe import MediaInfo, probe
from shared.media.ranged import RangedFile
from shared.objects.buckets import NoSuchObject, ObjectInfo, Objects, original_name
from shared.work.outcomes import Retry

HELD_BYTES = 16 * 1024 * 1024  # an object of this size is read once and kept; of a larger one the ends are looked at first
LOOK_SECONDS = 1.0  # between two looks at whether the copy is still wanted


class Unwanted(Exception):
    """The job was cancelled while its file was copied."""


def copy(
    cloud: Source,
    file: CloudFile,
    objects: Objects,
    tenant: str,
    video_id: str,
    metadata: dict[str, str],
    wanted: Callable[[], bool],
) -> tuple[ObjectInfo, MediaInfo]:
    """The stored original and what it is. Raises `UnreadableMedia` before anything is stored, `Unwanted`, and `CloudError`.

    What an earlier attempt has stored of the same version is taken as it is; of another version it is replaced.
    """
    metadata = {**metadata, "source_etag": file.etag}
    stored = _stored_before(objects, tenant, video_id, file)
    if stored is not None:
        return stored, probe(objects.open(stored))
    if file.size <= HELD_BYTES:
        content = b"".join(watched(cloud.read(file), file, wanted))
        info = probe(io.BytesIO(content))
        pieces: Iterator[bytes] = iter([content])
    else:
        source = RangedFile(lambda start, count: b"".join(cloud.read(file, start, count)), file.size)
        info = probe(cast(BinaryIO, source))
        source.close()
        pieces = watched(cloud.read(file), file, wanted)
    stored = objects.stream_original(tenant, video_id, pieces, info.mime_type, metadata)
    if stored.size != file.size or stored.metadata.get("source_etag") != file.etag:
        raise Retry("another version was stored in the same moment")
    return stored, info


def _stored_before(objects: Objects, tenant: str, video_id: str, file: CloudFile) -> ObjectInfo | None:
    name = original_name(tenant, video_id)
    try:
        stored = objects.stat(f"gs://{objects.originals}/{name}")
    except NoSuchObject:
        return None
    if stored.size == file.size and stored.metadata.get("source_etag") == file.etag:
        return stored
    objects.delete_below(objects.originals, name)
    return None


def watched(pieces: Iterator[bytes], file: CloudFile, wanted: Callable[[], bool]) -> Iterator[bytes]:
    """The pieces, unless they turn out not to be the object as it was listed; asks now and then whether they are still wanted."""
    digest, size, looked = hashlib.md5(usedforsecurity=False), 0, time.monotonic()
    for piece in pieces:
        if time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            if not wanted():
                raise Unwanted
        digest.update(piece)
        size += len(piece)
        yield piece
    if size != file.size or (file.md5 and digest.hexdigest() != file.md5):
        raise Retry("what arrived is not what the store said it holds")
