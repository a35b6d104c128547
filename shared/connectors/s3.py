"""Amazon S3 and stores that speak like it, through boto3."""

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore import awsrequest, exceptions
from botocore.config import Config

from shared.config import Settings
from shared.connectors import network
from shared.connectors.port import PAGE_FILES, PART_BYTES, PIECE_BYTES, CloudCode, CloudError, CloudFile, FilePage
from shared.domain import object_names
from shared.egress.urls import Refused
from shared.objects.pieces import parts_of

_HEX = re.compile(r"^[0-9a-fA-F]{32}$")
_making = threading.Lock()  # boto3 makes clients for one thread at a time
_GROWS_EVERY = 1_000  # parts, of which there are at most 10,000

_CODES = {
    CloudCode.CREDENTIALS_REFUSED: (
        "InvalidAccessKeyId SignatureDoesNotMatch AuthFailure InvalidToken ExpiredToken InvalidSecurity"
    ),
    CloudCode.NO_SUCH_BUCKET: "NoSuchBucket PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraint 301",
    CloudCode.NO_SUCH_FILE: "NoSuchKey NoSuchUpload 404 NotFound",
    CloudCode.FILE_CHANGED: "PreconditionFailed 412",
    CloudCode.STORE_BUSY: "SlowDown ServiceUnavailable Throttling ThrottlingException TooManyRequests RequestTimeout 429 503",
}
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
_SAID = {
    CloudCode.CREDENTIALS_REFUSED: "S3 refused the access key or its secret",
    CloudCode.NO_SUCH_BUCKET: "there is no such bucket in this region",
    CloudCode.NO_SUCH_FILE: "there is no such object",
    CloudCode.FILE_CHANGED: "the object was replaced since it was listed",
    CloudCode.STORE_BUSY: "S3 asks for fewer requests",
}


class S3Cloud:
    def __init__(self, bucket: str, region: str, secret: dict[str, str], settings: Settings) -> None:
        self._bucket = bucket
        self._region = region
        self._secret = secret
        self._endpoint = settings.aws_endpoint_url_s3
        self._ca_file = settings.connector_ca_file

    @cached_property
    def _client(self) -> Any:
        own = bool(self._endpoint)
        config = Config(
            signature_version="s3v4",
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path" if own else "virtual"},
            **({"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"} if own else {}),
        )
        with _making:
            client = boto3.session.Session(
                aws_access_key_id=self._secret["aws_access_key_id"],
                aws_secret_access_key=self._secret["aws_secret_access_key"],
                region_name=self._region,
            ).client("s3", config=config, endpoint_url=self._endpoint or None)
        sender = _Sender(network.dialer_for(self._endpoint), self._ca_file)
        client.meta.events.register_first("before-send.s3", sender.send)
        return client

    def page(self, prefix: str, *, recursive: bool = True, token: str = "", limit: int = PAGE_FILES) -> FilePage:
        asked: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": limit}
        if not recursive:
            asked["Delimiter"] = "/"
        if token:
            asked["ContinuationToken"] = token
        with self._told():
            answer = self._client.list_objects_v2(**asked)
        files = [
            CloudFile(one["Key"], one["Size"], one["ETag"].strip('"'), one["LastModified"]) for one in answer.get("Contents", [])
        ]
        return FilePage(files, answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else "")

    def stat(self, path: str) -> CloudFile:
        _check(object_names.fault(path))
        with self._told():
            head = self._client.head_object(Bucket=self._bucket, Key=path)
        etag = head["ETag"].strip('"')
        return CloudFile(path, head["ContentLength"], etag, head["LastModified"], head.get("ContentType", ""), _md5(etag, head))

    def read(self, file: CloudFile, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        _check(object_names.fault(file.path))
        asked: dict[str, Any] = {"Bucket": self._bucket, "Key": file.path, "IfMatch": f'"{file.etag}"'}
        if start or count is not None:
            asked["Range"] = f"bytes={start}-{'' if count is None else start + count - 1}"
        with self._told():
            body = self._client.get_object(**asked)["Body"]
            try:
                yield from body.iter_chunks(PIECE_BYTES)
            finally:
                body.close()

    def write(self, path: str, content: Iterable[bytes], content_type: str = "application/octet-stream") -> str:
        _check(object_names.target_fault(path))
        parts = parts_of(content, PART_BYTES)
        place = {"Bucket": self._bucket, "Key": path}
        first = next(parts)
        second = next(parts, None)
        with self._told():
            if second is None:
                self._client.put_object(**place, Body=first, ContentType=content_type)
            else:
                self._write_parts(place, first, second, parts, content_type)
        return self.uri(path)

    def _write_parts(self, place: dict[str, str], first: bytes, second: bytes, rest: Iterator[bytes], content_type: str) -> None:
        upload = {**place, "UploadId": self._client.create_multipart_upload(**place, ContentType=content_type)["UploadId"]}
        done: list[dict[str, Any]] = []

        def send(part: bytes) -> None:
            answer = self._client.upload_part(**upload, PartNumber=len(done) + 1, Body=part)
            done.append({"PartNumber": len(done) + 1, "ETag": answer["ETag"]})

        try:
            send(first)
            send(second)
            held: list[bytes] = []
            for part in rest:
                held.append(part)
                if len(held) > len(done) // _GROWS_EVERY:  # later parts are larger, so that 10,000 hold any object
                    send(b"".join(held))
                    held = []
            if held:
                send(b"".join(held))
            self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
        except BaseException:
            with suppress(Exception):
                self._client.abort_multipart_upload(**upload)
            raise

    def uri(self, path: str) -> str:
        return f"s3://{self._bucket}/{path}"

    def check_read(self) -> None:
        self.page("", limit=1)

    def check_write(self, path: str) -> None:
        _check(object_names.target_fault(path))
        place = {"Bucket": self._bucket, "Key": path}
        with self._told():
            upload = self._client.create_multipart_upload(**place)
            self._client.abort_multipart_upload(**place, UploadId=upload["UploadId"])

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Every failure of the store as a `CloudError`; what the caller's own content raises goes through."""
        try:
            yield
        except exceptions.ClientError as error:
            raise _refusal(error) from error
        except (exceptions.BotoCoreError, urllib3.exceptions.HTTPError, OSError, Refused) as error:
            raise network.broken(error, f"the bucket {self._bucket}") from error


class _Sender:
    """Sends boto3's signed requests over guarded connections. The target goes out as it was signed: nothing resolves its dots."""

    def __init__(self, dialer: network.StoreDialer, ca_file: str) -> None:
        self._dialer = dialer
        self._pools = network.pool_manager(dialer, ca_file)

    def send(self, request: awsrequest.AWSPreparedRequest, **_: Any) -> awsrequest.AWSResponse:
        network.check_scheme(request.url, self._dialer)
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {name: value for name, value in request.headers.items() if name.lower() != "expect"}
        try:
            answer = self._pools.connection_from_url(f"{parts.scheme}://{parts.netloc}").urlopen(
                request.method,
                target,
                body=request.body,
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except Refused:
            raise  # not for boto3 to try again
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise exceptions.EndpointConnectionError(endpoint_url=f"{parts.scheme}://{parts.netloc}", error=error) from error
        made = awsrequest.AWSResponse(request.url, answer.status, answer.headers, answer)
        if not request.stream_output:
            _ = made.content  # read to its end, so that the connection is free again
        return made


def _refusal(error: exceptions.ClientError) -> CloudError:
    """By the store's code; its message may repeat what was sent, so it is not passed on."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    kind = _BY_CODE.get(code)
    if kind is not None:
        return CloudError(kind, _SAID[kind])
    if status >= 500:
        return CloudError(CloudCode.STORE_FAILED, f"S3 failed with status {status}")
    return CloudError(CloudCode.ACCESS_DENIED, f"S3 does not allow it ({code[:60] or status})")


def _check(fault: str) -> None:
    if fault:
        raise CloudError(CloudCode.BAD_NAME, fault)


def _md5(etag: str, head: dict[str, Any]) -> str:
    """The ETag where it is the content's MD5: not of several parts, and not of what S3 encrypts with somebody's own key."""
    if head.get("ServerSideEncryption", "AES256") != "AES256" or head.get("SSECustomerAlgorithm"):
        return ""
    return etag.lower() if _HEX.match(etag) else ""
