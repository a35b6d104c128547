"""Azure Blob Storage, through Azure's client, as the service principal whose secret the customer gave."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

import requests
from azure.core import MatchConditions
from azure.core import exceptions as azure_errors
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential, CredentialUnavailableError
from azure.storage.blob import BlobBlock, BlobPrefix, ContainerClient, ContentSettings

from shared.config import Settings
from shared.connectors import network
from shared.connectors.port import PAGE_FILES, PART_BYTES, PIECE_BYTES, CloudCode, CloudError, CloudFile, FilePage
from shared.domain import object_names
from shared.egress.urls import Refused
from shared.objects.pieces import parts_of

_AUTHORITY = "https://login.microsoftonline.com"
_SUFFIX = "blob.core.windows.net"
_PRINCIPAL_REFUSED = "Azure refused the service principal: check tenant_id, client_id and client_secret"
_GROWS_EVERY = 5_000  # blocks, of which there are at most 50,000


class AzureCloud:
    def __init__(self, account: str, container: str, secret: dict[str, str], settings: Settings) -> None:
        self._account = account
        self._container = container
        self._secret = secret
        self._authority = settings.azure_authority_host
        self._endpoint = settings.azure_blob_endpoint.rstrip("/")
        self._ca_file = settings.connector_ca_file

    @cached_property
    def _client(self) -> ContainerClient:
        named = network.dialer_for(self._endpoint, self._authority)
        transport = RequestsTransport(session=network.StoreSession(named, self._ca_file), session_owner=False)
        credential = ClientSecretCredential(
            self._secret["tenant_id"],
            self._secret["client_id"],
            self._secret["client_secret"],
            authority=self._authority or _AUTHORITY,
            disable_instance_discovery=True,  # the authority is the deployment's choice, not the customer's
            transport=transport,
            retry_total=1,
        )
        return ContainerClient(
            self._account_url,
            self._container,
            credential=_Principal(credential),
            transport=transport,
            retry_total=2,
            initial_backoff=1,  # seconds: somebody waits for the answer, and stages have tries of their own
            increment_base=2,
            max_single_get_size=PART_BYTES,
            max_chunk_get_size=PART_BYTES,
        )

    @property
    def _account_url(self) -> str:
        """A store that the deployment names has its accounts as folders, as Azure's own emulator does."""
        return f"{self._endpoint}/{self._account}" if self._endpoint else f"https://{self._account}.{_SUFFIX}"

    def page(self, prefix: str, *, recursive: bool = True, token: str = "", limit: int = PAGE_FILES) -> FilePage:
        with self._told():
            listed: Any = self._client.list_blobs if recursive else partial(self._client.walk_blobs, delimiter="/")
            found = listed(name_starts_with=prefix or None, results_per_page=limit).by_page(token or None)
            files = [_file(one) for one in next(found, []) if not isinstance(one, BlobPrefix)]
        return FilePage(files, found.continuation_token or "")

    def stat(self, path: str) -> CloudFile:
        _check(object_names.fault(path))
        with self._told():
            return _file(self._client.get_blob_client(path).get_blob_properties())

    def read(self, file: CloudFile, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        _check(object_names.fault(file.path))
        if file.size == 0 or count == 0:
            return
        with self._told():
            stream = self._client.get_blob_client(file.path).download_blob(
                offset=start or (0 if count is not None else None),
                length=count,
                etag=file.etag,
                match_condition=MatchConditions.IfNotModified,
                max_concurrency=1,
            )
            for part in stream.chunks():
                for at in range(0, len(part), PIECE_BYTES):
                    yield part[at : at + PIECE_BYTES]

    def write(self, path: str, content: Iterable[bytes], content_type: str = "application/octet-stream") -> str:
        _check(object_names.target_fault(path))
        blob = self._client.get_blob_client(path)
        blocks: list[BlobBlock] = []
        held: list[bytes] = []

        def send() -> None:
            identity = f"{len(blocks):08d}"
            blob.stage_block(identity, b"".join(held))
            blocks.append(BlobBlock(identity))
            held.clear()

        with self._told():
            for part in parts_of(content, PART_BYTES):
                held.append(part)
                if len(held) > len(blocks) // _GROWS_EVERY and part:
                    send()
            if held and any(held):
                send()
            blob.commit_block_list(blocks, content_settings=ContentSettings(content_type=content_type))
        return self.uri(path)

    def uri(self, path: str) -> str:
        return f"{self._account_url}/{self._container}/{quote(path)}"

    def check_read(self) -> None:
        self.page("", limit=1)

    def check_write(self, path: str) -> None:
        """A block that is never committed: no blob comes to be, and Azure forgets it within a week."""
        _check(object_names.target_fault(path))
        with self._told():
            self._client.get_blob_client(path).stage_block("00000000", b"check")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except azure_errors.ClientAuthenticationError as error:
            raise CloudError(CloudCode.CREDENTIALS_REFUSED, _PRINCIPAL_REFUSED) from error
        except azure_errors.HttpResponseError as error:
            raise _refusal(error) from error
        except (azure_errors.AzureError, requests.RequestException, OSError, Refused) as error:
            raise network.broken(error, f"the storage account {self._account}") from error
        except ValueError as error:  # how azure-identity says that an authority or a tenant is none
            raise CloudError(CloudCode.CREDENTIALS_REFUSED, "Azure does not know the directory of tenant_id") from error


class _Principal:
    """The service principal. Why it has no token is told at once: Azure's client would ask again, whatever the reason."""

    def __init__(self, credential: ClientSecretCredential) -> None:
        self._credential = credential

    def get_token(self, *scopes: str, **named: Any) -> AccessToken:
        try:
            return self._credential.get_token(*scopes, **named)
        except (azure_errors.ClientAuthenticationError, CredentialUnavailableError) as error:
            if network.is_of_network(error):
                raise network.broken(error, "the directory of tenant_id") from error
            status = getattr(error, "status_code", None) or 0
            if status == 429 or status >= 500:
                raise CloudError(CloudCode.STORE_FAILED, f"the directory of tenant_id failed with status {status}") from error
            raise CloudError(CloudCode.CREDENTIALS_REFUSED, _PRINCIPAL_REFUSED) from error


def _refusal(error: azure_errors.HttpResponseError) -> CloudError:
    """By code and status; the message may repeat what was sent, so it is not passed on."""
    named = getattr(error, "error_code", "") or ""
    code, status = str(getattr(named, "value", named)), error.status_code or 0
    if code == "ContainerNotFound":
        return CloudError(CloudCode.NO_SUCH_BUCKET, "there is no such container")
    if status == 404:
        return CloudError(CloudCode.NO_SUCH_FILE, "there is no such blob")
    if status in (409, 412) and "Condition" in code:
        return CloudError(CloudCode.FILE_CHANGED, "the blob was replaced since it was listed")
    if status in (429, 503) or code == "ServerBusy":
        return CloudError(CloudCode.STORE_BUSY, "Azure asks for fewer requests")
    if status >= 500:
        return CloudError(CloudCode.STORE_FAILED, f"Azure failed with status {status}")
    if status == 0:
        return network.broken(error, "the storage account")
    return CloudError(CloudCode.ACCESS_DENIED, f"the service principal may not do this in the container ({code[:60] or status})")


def _file(blob: Any) -> CloudFile:
    settings = blob.content_settings
    md5 = bytes(settings.content_md5).hex() if settings is not None and settings.content_md5 else ""
    kind = (settings.content_type or "") if settings is not None else ""
    return CloudFile(blob.name, int(blob.size or 0), str(blob.etag).strip('"'), blob.last_modified, kind, md5)


def _check(fault: str) -> None:
    if fault:
        raise CloudError(CloudCode.BAD_NAME, fault)
