"""Objects in Cloud Storage: two buckets of ours, and other people's objects by their `gs://` URI.

Originals (the only bucket that is watched): `media/{tenant}/{video}/original`. Derived: `thumbs/ gif/ audio/ tables/ exports/
blobs/`, each `/{tenant}/…`.
"""

import base64
import datetime as dt
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, cast

import google.auth
from google.api_core import exceptions as google_errors
from google.api_core.client_options import ClientOptions
from google.auth import iam
from google.auth.credentials import Credentials, Signing
from google.auth.transport.requests import Request
from google.cloud import storage
from google.oauth2 import service_account

from shared.config import Settings
from shared.media.ranged import RangedFile
from shared.objects.pieces import PiecesFile

_URI = re.compile(r"^gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\x00-\x1f#?]{1,1024})$")
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]

_PART_BYTES = 8 * 1024 * 1024  # held at once while content is streamed in
SIGNED_FOR = dt.timedelta(minutes=15)
_GIVEN_AGAIN = 300.0  # seconds
_MOST_SIGNED = 20_000
PART_BYTES = 8 * 1024 * 1024  # held at once while an object is written
PIECE_BYTES = 4 * 1024 * 1024  # held at once while one is passed on
SESSION_LASTS = dt.timedelta(days=7)  # Cloud Storage's own limit


class NoSuchObject(Exception):
    """No object by that name, or none that this deployment may read."""


@dataclass(frozen=True)
class ObjectInfo:
    """`checksum` is the content's as Cloud Storage computed it: `md5:<hex>`, or `crc32c:<hex>` where it knows no MD5."""

    uri: str
    size: int
    generation: str
    checksum: str
    content_type: str
    metadata: dict[str, str]


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, name); ValueError for anything that is not one plain object's URI."""
    match = _URI.match(uri)
    if not match or any(part in ("", ".", "..") for part in match.group(2).split("/")):
        raise ValueError("not a gs://bucket/object URI")
    return match.group(1), match.group(2)


def original_name(tenant: str, video_id: str) -> str:
    return f"media/{tenant}/{video_id}/original"


class Objects:
    def __init__(self, client: storage.Client, settings: Settings, signer: Credentials) -> None:
        self._client = client
        self._signer = signer
        self._signed: dict[str, tuple[str, float]] = {}
        self.originals = settings.originals_bucket
        self.derived = settings.derived_bucket

    def stat(self, uri: str) -> ObjectInfo:
        """Raises `NoSuchObject`, also where access is refused: which of the two is not the caller's to know."""
        bucket, name = split_uri(uri)
        try:
            blob = self._client.bucket(bucket).get_blob(name)
        except (google_errors.Forbidden, google_errors.NotFound) as error:
            raise NoSuchObject(uri) from error
        if blob is None:
            raise NoSuchObject(uri)
        return _info(uri, blob)

    def open(self, info: ObjectInfo) -> BinaryIO:
        """The object as a seekable file over ranged reads, pinned to this generation."""
        bucket, name = split_uri(info.uri)
        blob = self._client.bucket(bucket).blob(name, generation=int(info.generation))

        def read(start: int, count: int) -> bytes:
            try:
                return blob.download_as_bytes(start=start, end=start + count - 1, checksum=None)
            except google_errors.NotFound as error:
                raise NoSuchObject(info.uri) from error

        return cast(BinaryIO, RangedFile(read, info.size))

    def put_original(
        self, tenant: str, video_id: str, content: BinaryIO, content_type: str, metadata: dict[str, str]
    ) -> ObjectInfo:
        """Stores an upload; its finalize event wakes `ingest_media`, which reads `metadata` if no row is there yet."""
        blob = self._client.bucket(self.originals).blob(original_name(tenant, video_id))
        blob.metadata = metadata
        content.seek(0)
        blob.upload_from_file(content, content_type=content_type, checksum="crc32c")
        return _info(f"gs://{self.originals}/{blob.name}", blob)

    def stream_original(
        self, tenant: str, video_id: str, content: Iterable[bytes], content_type: str, metadata: dict[str, str]
    ) -> ObjectInfo:
        """Stores what comes in pieces; an original that is there already stays as it is and is told of.

        Whatever `content` raises, at its end too, leaves no object behind.
        """
        blob = self._client.bucket(self.originals).blob(original_name(tenant, video_id), chunk_size=_PART_BYTES)
        blob.metadata = metadata
        uri = f"gs://{self.originals}/{blob.name}"
        try:
            blob.upload_from_file(PiecesFile(content), content_type=content_type, checksum="crc32c", if_generation_match=0)
        except google_errors.PreconditionFailed:
            return self.stat(uri)
        return _info(uri, blob)

    def begin_upload(
        self,
        tenant: str,
        video_id: str,
        content_type: str,
        metadata: dict[str, str],
        *,
        size: int | None = None,
        origin: str | None = None,
    ) -> str:
        """The address of a resumable upload, which is its own credential and good for `SESSION_LASTS`.

        It can only make an object that is not there yet, of this size if one is given; `origin` is the web page that may use it.
        """
        blob = self._client.bucket(self.originals).blob(original_name(tenant, video_id))
        blob.metadata = metadata
        url = blob.create_resumable_upload_session(
            content_type=content_type, size=size, origin=origin, if_generation_match=0, checksum=None
        )
        return str(url)

    def put_derived(self, name: str, content: bytes, content_type: str) -> str:
        """Writes (over) a derived object; returns its URI."""
        blob = self._client.bucket(self.derived).blob(name)
        blob.upload_from_string(content, content_type=content_type, checksum="crc32c")
        return f"gs://{self.derived}/{name}"

    def stream_derived(self, name: str, pieces: Iterable[bytes], content_type: str) -> ObjectInfo:
        """Writes (over) a derived object piece by piece; it appears with the last one, or not at all if `pieces` raises."""
        blob = self._client.bucket(self.derived).blob(name)
        with blob.open("wb", chunk_size=PART_BYTES, content_type=content_type) as writer:
            for piece in pieces:
                writer.write(piece)
        blob.reload()
        return _info(f"gs://{self.derived}/{name}", blob)

    def pieces(self, info: ObjectInfo) -> Iterator[bytes]:
        """The object, of this generation alone, from its beginning to its end."""
        bucket, name = split_uri(info.uri)
        blob = self._client.bucket(bucket).blob(name, generation=int(info.generation))
        for start in range(0, info.size, PIECE_BYTES):
            end = min(start + PIECE_BYTES, info.size)
            try:
                yield blob.download_as_bytes(start=start, end=end - 1, checksum=None)
            except google_errors.NotFound as error:
                raise NoSuchObject(info.uri) from error

    def read(self, uri: str) -> bytes:
        """A small object, whole."""
        bucket, name = split_uri(uri)
        try:
            return self._client.bucket(bucket).blob(name).download_as_bytes()
        except google_errors.NotFound as error:
            raise NoSuchObject(uri) from error

    def delete_below(self, bucket: str, prefix: str, *, but: str = "") -> None:
        """Deletes every object whose name begins with `prefix`, `but` that one; what is gone already is no error."""
        for blob in self._client.list_blobs(bucket, prefix=prefix):
            if blob.name == but:
                continue
            try:
                blob.delete()
            except google_errors.NotFound:
                continue

    def signed_url(self, uri: str, *, fresh: bool = False) -> str:
        """A V4 URL that reads this object for 15 minutes; one made in the last 5 is given again unless a fresh one is asked for.

        Signing a page of thumbnails costs more than reading its rows, and in the cloud each signature is a call of its own.
        """
        now = time.monotonic()
        kept = self._signed.get(uri)
        if kept is not None and kept[1] > now and not fresh:
            return kept[0]
        bucket, name = split_uri(uri)
        blob = self._client.bucket(bucket).blob(name)
        url = blob.generate_signed_url(version="v4", expiration=SIGNED_FOR, method="GET", credentials=self._signer)
        if len(self._signed) >= _MOST_SIGNED:
            self._signed.clear()
        self._signed[uri] = (url, now + _GIVEN_AGAIN)
        return url


def _info(uri: str, blob: storage.Blob) -> ObjectInfo:
    return ObjectInfo(
        uri=uri,
        size=int(blob.size or 0),
        generation=str(blob.generation),
        checksum=_checksum(blob),
        content_type=blob.content_type or "",
        metadata=dict(blob.metadata or {}),
    )


def _checksum(blob: storage.Blob) -> str:
    for kind, value in (("md5", blob.md5_hash), ("crc32c", blob.crc32c)):
        if value:
            return f"{kind}:{base64.b64decode(value).hex()}"
    return ""


def _signing(credentials: Credentials) -> Credentials:
    """Credentials that sign: a key file's own, else the platform's through the IAM signBlob service."""
    if isinstance(credentials, Signing):
        return credentials
    credentials.refresh(Request())  # learns which service account this is
    email = credentials.service_account_email
    return service_account.Credentials(iam.Signer(Request(), credentials, email), email, "https://oauth2.googleapis.com/token")


@cache
def connect(settings: Settings) -> Objects:
    credentials, _ = google.auth.default(scopes=_SCOPES)
    universe = ClientOptions(universe_domain=credentials.universe_domain)  # sovereign clouds have their own
    client = storage.Client(project=settings.project_id, credentials=credentials, client_options=universe)
    return Objects(client, settings, _signing(credentials))
