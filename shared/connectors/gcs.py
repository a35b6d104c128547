"""Google Cloud Storage, through Google's client, as the service account whose key the customer gave."""

from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

import requests
from google.api_core import exceptions as google_errors
from google.api_core.client_options import ClientOptions
from google.auth import crypt
from google.auth import exceptions as auth_errors
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from google.oauth2 import service_account

from shared.config import Settings
from shared.connectors import network
from shared.connectors.port import PAGE_FILES, PART_BYTES, PIECE_BYTES, CloudCode, CloudError, CloudFile, FilePage
from shared.domain import object_names
from shared.egress.urls import Refused
from shared.objects.pieces import PiecesFile

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_TOKENS = "https://oauth2.googleapis.com/token"  # never the key file's own: it could name any address
_RETRY = DEFAULT_RETRY.with_timeout(15.0)  # seconds; what fails longer is told, or tried again by a stage
_FIELDS = "items(name,size,generation,updated,contentType,md5Hash),prefixes,nextPageToken"


class GcsCloud:
    def __init__(self, bucket: str, project: str, secret: dict[str, str], settings: Settings) -> None:
        self._name = bucket
        self._project = project
        self._secret = secret
        self._emulator = settings.storage_emulator_host

    @cached_property
    def _client(self) -> storage.Client:
        """Of the key file only who it is and what it signs with are used; it signs its own tokens, so none is fetched."""
        try:
            signer = crypt.RSASigner.from_string(self._secret["private_key"], self._secret.get("private_key_id"))
        except ValueError as error:
            raise CloudError(CloudCode.CREDENTIALS_REFUSED, "the private key of the service account cannot be read") from error
        credentials = service_account.Credentials(
            signer, self._secret["client_email"], _TOKENS, scopes=[_SCOPE], always_use_jwt_access=True
        )
        dialer = network.dialer_for(self._emulator)
        session = _GoogleSession(credentials, dialer)
        options = ClientOptions(api_endpoint=self._emulator or "https://storage.googleapis.com")
        return storage.Client(project=self._project, credentials=credentials, _http=session, client_options=options)

    @cached_property
    def _bucket(self) -> storage.Bucket:
        return self._client.bucket(self._name)

    def page(self, prefix: str, *, recursive: bool = True, token: str = "", limit: int = PAGE_FILES) -> FilePage:
        with self._told():
            listing = self._client.list_blobs(
                self._name,
                prefix=prefix or None,
                delimiter=None if recursive else "/",
                page_token=token or None,
                page_size=limit,
                fields=_FIELDS,
                retry=_RETRY,
            )
            found = next(listing.pages, None)
            files = [] if found is None else [_file(blob) for blob in found]
        return FilePage(files, listing.next_page_token or "")

    def stat(self, path: str) -> CloudFile:
        _check(object_names.fault(path))
        with self._told():
            blob = self._bucket.get_blob(path, retry=_RETRY)
        if blob is None:
            raise CloudError(CloudCode.NO_SUCH_FILE, "there is no such object")
        return _file(blob)

    def read(self, file: CloudFile, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        _check(object_names.fault(file.path))
        blob = self._bucket.blob(file.path, generation=int(file.etag))
        end = file.size if count is None else min(file.size, start + count)
        for at in range(start, end, PART_BYTES):
            with self._told(version=True):
                part = blob.download_as_bytes(start=at, end=min(at + PART_BYTES, end) - 1, checksum=None, retry=_RETRY)
            for inside in range(0, len(part), PIECE_BYTES):
                yield part[inside : inside + PIECE_BYTES]

    def write(self, path: str, content: Iterable[bytes], content_type: str = "application/octet-stream") -> str:
        _check(object_names.target_fault(path))
        blob = self._bucket.blob(path, chunk_size=PART_BYTES)
        with self._told():
            blob.upload_from_file(PiecesFile(content), content_type=content_type, checksum="crc32c")
        return self.uri(path)

    def uri(self, path: str) -> str:
        return f"gs://{self._name}/{path}"

    def check_read(self) -> None:
        self.page("", limit=1)

    def check_write(self, path: str) -> None:
        _check(object_names.target_fault(path))
        with self._told():
            session = self._bucket.blob(path).create_resumable_upload_session(size=1, checksum=None)
        with suppress(requests.RequestException, Refused):
            self._client._http.delete(session)  # nothing of it was sent: no object came to be

    @contextmanager
    def _told(self, *, version: bool = False) -> Iterator[None]:
        try:
            yield
        except google_errors.NotFound as error:
            if version:
                raise CloudError(CloudCode.FILE_CHANGED, "the object was replaced or removed since it was listed") from error
            raise CloudError(CloudCode.NO_SUCH_BUCKET, "there is no such bucket, or this account may not see it") from error
        except google_errors.Unauthorized as error:
            raise CloudError(CloudCode.CREDENTIALS_REFUSED, "Cloud Storage refused the service account's key") from error
        except google_errors.Forbidden as error:
            raise CloudError(CloudCode.ACCESS_DENIED, "the service account may not do this in the bucket") from error
        except google_errors.PreconditionFailed as error:
            raise CloudError(CloudCode.FILE_CHANGED, "the object was replaced since it was listed") from error
        except (google_errors.TooManyRequests, google_errors.ServiceUnavailable) as error:
            raise CloudError(CloudCode.STORE_BUSY, "Cloud Storage asks for fewer requests") from error
        except google_errors.ClientError as error:
            raise CloudError(CloudCode.ACCESS_DENIED, f"Cloud Storage does not allow it (status {error.code})") from error
        except google_errors.GoogleAPIError as error:
            raise network.broken(error, f"the bucket {self._name}") from error
        except auth_errors.GoogleAuthError as error:
            raise network.broken(error, f"the bucket {self._name}") from error
        except (requests.RequestException, OSError, Refused) as error:
            raise network.broken(error, f"the bucket {self._name}") from error


class _GoogleSession(AuthorizedSession):
    """Google's session with our way to the network, for tokens too."""

    def __init__(self, credentials: service_account.Credentials, dialer: network.StoreDialer) -> None:
        plain = network.StoreSession(dialer)
        super().__init__(credentials, auth_request=Request(plain))
        self._plain = plain
        self.trust_env = False
        for scheme in ("https://", "http://"):
            self.mount(scheme, plain.get_adapter(scheme))

    def send(self, request: requests.PreparedRequest, **named: object) -> requests.Response:
        return self._plain.send(request, **named)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def _file(blob: storage.Blob) -> CloudFile:
    md5 = b64decode(blob.md5_hash).hex() if blob.md5_hash else ""
    return CloudFile(blob.name, int(blob.size or 0), str(blob.generation), blob.updated, blob.content_type or "", md5)


def _check(fault: str) -> None:
    if fault:
        raise CloudError(CloudCode.BAD_NAME, fault)
