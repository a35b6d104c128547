"""Making, changing and using connectors."""

import mimetypes
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from functions.api.connectors.schemas import (
    MOST_CREDENTIAL_BYTES,
    AzureBody,
    BrowseBody,
    Common,
    ConnectorPatch,
    GcsForm,
    S3Body,
)
from functions.api.connectors.service_accounts import checked, parsed
from shared.connectors.opening import Opener
from shared.connectors.port import Cloud, CloudError, CloudFile
from shared.connectors.refusals import refused
from shared.domain import object_names
from shared.domain.clock import wire_time
from shared.domain.connectors import EXPORT, Connector, ConnectorStatus, Provider
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.globs import compiled
from shared.domain.media import Deletion, deletion_id
from shared.http.call import Call, Reply
from shared.messaging.messages import Purge
from shared.messaging.queues import Queues
from shared.store.connectors import Connectors
from shared.store.documents import Changed, Store

BROWSE_SECONDS = 20.0  # a pattern that nothing matches must not list a bucket to its end
BROWSE_FILES = 20_000
_TRIED = ".videovector-check"
_WAKE_AFTER = timedelta(seconds=60)
_TRIES = 5


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    connectors: Connectors
    opener: Opener
    own_buckets: frozenset[str]


def create_gcs(call: Call[None], deps: Deps) -> dict[str, Any]:
    """Create a Google Cloud Storage connector"""
    form: GcsForm = call.form
    if form.bucket in deps.own_buckets:
        raise invalid("bucket", "this bucket is the service's own")
    if form.credentials_json is not None:
        secret = parsed(form.credentials_json.get_secret_value())
    else:
        file = call.file("credentials_file")
        if file.size > MOST_CREDENTIAL_BYTES:
            raise invalid("credentials_file", f"a key file has at most {MOST_CREDENTIAL_BYTES // 1024} KiB")
        secret = parsed(file.stream.read())
    return _create(call, deps, form, Provider.GCS, {"bucket": form.bucket, "gcp_project_id": form.gcp_project_id}, secret)


def create_s3(call: Call[S3Body], deps: Deps) -> dict[str, Any]:
    """Create an Amazon S3 connector"""
    body = call.body
    secret = {
        "aws_access_key_id": body.aws_access_key_id,
        "aws_secret_access_key": body.aws_secret_access_key.get_secret_value(),
    }
    return _create(call, deps, body, Provider.S3, {"bucket": body.bucket, "region": body.region}, secret)


def create_azure(call: Call[AzureBody], deps: Deps) -> dict[str, Any]:
    """Create an Azure Blob Storage connector"""
    body = call.body
    secret = {
        "tenant_id": body.tenant_id,
        "client_id": body.client_id,
        "client_secret": body.client_secret.get_secret_value(),
    }
    place = {"storage_account": body.storage_account, "container": body.container}
    return _create(call, deps, body, Provider.AZURE, place, secret)


def _create(
    call: Call, deps: Deps, body: Common, provider: Provider, place: dict[str, str], secret: dict[str, str]
) -> dict[str, Any]:
    now, connector_id = deps.store.clock(), call.new_id("connector")
    connector = Connector(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        connector_id=connector_id,
        user_id=call.caller.user_id,
        name=body.name,
        provider=provider,
        place=place,
        sealed=deps.opener.seal(connector_id, call.tenant, secret),
        scopes=list(body.scopes),
        import_mode=body.import_mode,
        export_base_path=body.export_base_path,
    )
    return _view(deps.store.create_once(connector))


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List connectors, newest first"""
    return [_view(one) for one in deps.connectors.all(call.tenant)]


def retrieve(call: Call[None], deps: Deps, connector_id: str) -> dict[str, Any]:
    """Retrieve one connector"""
    return _view(deps.connectors.get(call.tenant, connector_id))


def update(call: Call[ConnectorPatch], deps: Deps, connector_id: str) -> dict[str, Any]:
    """Change a connector's name, scopes, export_base_path, import_mode or credentials; what is left out stays"""
    body = call.body
    for _ in range(_TRIES):
        connector = deps.connectors.get(call.tenant, connector_id)
        sent = body.model_dump(include={"name", "scopes", "export_base_path", "import_mode"}, exclude_none=True)
        values: dict[str, Any] = sent
        secret = _changed_secret(body, connector, deps)
        if secret is not None:
            values["sealed"] = deps.opener.seal(connector_id, call.tenant, secret)
            values |= {"status": ConnectorStatus.ACTIVE, "last_test_result": "", "last_test_error": "", "last_tested_at": None}
        if not values:
            return _view(connector)
        batch = deps.store.batch()
        batch.change(connector, **values)
        try:
            batch.commit()
        except Changed:
            continue
        return _view(connector)
    raise ApiError(ErrorCode.CONFLICT, "the connector changed in the same moment; try again")


_SECRET_FIELDS = {
    Provider.S3: ("aws_access_key_id", "aws_secret_access_key"),
    Provider.AZURE: ("tenant_id", "client_id", "client_secret"),
    Provider.GCS: ("credentials_json",),
}


def _changed_secret(body: ConnectorPatch, connector: Connector, deps: Deps) -> dict[str, str] | None:
    """The whole secret anew, where a part of it was sent."""
    own = _SECRET_FIELDS[Provider(connector.provider)]
    for fields in _SECRET_FIELDS.values():
        for name in fields:
            if name not in own and getattr(body, name) is not None:
                raise invalid(name, f"a connector of provider {connector.provider} has no such field")
    sent = {name: getattr(body, name) for name in own if getattr(body, name) is not None}
    if not sent:
        return None
    if connector.provider == Provider.GCS:
        key = sent["credentials_json"]
        return parsed(key.get_secret_value()) if isinstance(key, SecretStr) else checked(key)
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in sent.items()}
    if set(plain) == set(own):
        return plain  # whatever was sealed before need not open
    try:
        return {**deps.opener.secret(connector), **plain}
    except CloudError as error:
        raise invalid("credentials", f"{error.message}: send all of {', '.join(own)}") from error


def test(call: Call[None], deps: Deps, connector_id: str) -> dict[str, Any]:
    """Try a connector: whether its bucket can be listed, and written to if it is one for exports"""
    connector = deps.connectors.get(call.tenant, connector_id)
    fault = ""
    try:
        cloud = deps.opener.open(connector)
        cloud.check_read()
        if EXPORT in connector.scopes:
            cloud.check_write("/".join(part for part in (connector.export_base_path, _TRIED) if part))
    except CloudError as error:
        fault = error.message
    batch = deps.store.batch()
    batch.change(
        connector,
        fenced=False,
        status=ConnectorStatus.FAILED if fault else ConnectorStatus.ACTIVE,
        last_tested_at=deps.store.clock(),
        last_test_result="failed" if fault else "success",
        last_test_error=fault,
    )
    try:
        batch.commit()
    except Changed as error:
        raise ApiError(ErrorCode.CONNECTOR_NOT_FOUND, "there is no such connector") from error
    return {"success": not fault, "error_message": fault or None}


def browse(call: Call[BrowseBody], deps: Deps, connector_id: str) -> Reply:
    """List files of a connector's bucket by prefix and pattern, at most `limit`"""
    connector = deps.connectors.get(call.tenant, connector_id)
    body = call.body
    try:
        files, more = _browse(deps.opener.open(connector), body)
    except CloudError as error:
        raise refused(error) from error
    return Reply([_file_view(one) for one in files], headers={"X-Truncated": "true" if more else "false"})


def _browse(cloud: Cloud, body: BrowseBody) -> tuple[list[CloudFile], bool]:
    """What matches, and whether there may be more; a search that finds little ends after a while too."""
    matches, prefix = compiled(body.pattern), body.prefix.lstrip("/")
    folder = prefix.rpartition("/")[0]
    skip = len(folder) + 1 if folder else 0
    found: list[CloudFile] = []
    token, looked, ends = "", 0, time.monotonic() + BROWSE_SECONDS
    while True:
        page = cloud.page(prefix, recursive=body.recursive, token=token)
        found += [one for one in page.files if not one.path.endswith("/") and matches(one.path[skip:])]
        token, looked = page.next_token, looked + len(page.files)
        if len(found) > body.limit:
            return found[: body.limit], True
        if not token or looked >= BROWSE_FILES or time.monotonic() >= ends:
            return found, bool(token)


def delete(call: Call[None], deps: Deps, connector_id: str) -> dict[str, Any]:
    """Delete a connector and its credentials; what was imported stays"""
    identity = deletion_id("connector", connector_id)
    for tried in range(_TRIES):
        if (call.resumed or tried) and deps.store.get(Deletion, call.tenant, identity) is not None:
            return _deleted(call.tenant, connector_id, identity, deps)  # this call was interrupted behind its commit
        connector = deps.connectors.get(call.tenant, connector_id)
        used_by = deps.connectors.used_by(call.tenant, connector_id)
        if used_by:
            details = {"used_by": used_by}
            raise ApiError(ErrorCode.CONNECTOR_IN_USE, "automations still use this connector", details=details)
        now = deps.store.clock()
        deletion = Deletion(
            created_at=now,
            updated_at=now,
            tenant=call.tenant,
            deletion_id=identity,
            resource="connector",
            resource_id=connector_id,
            status="draining",
            wake_at=now + _WAKE_AFTER,
        )
        batch = deps.store.batch()
        batch.change(connector, deleted_at=now, sealed="", place={}, status=ConnectorStatus.DISABLED)
        batch.put(deletion)
        try:
            batch.commit()
        except Changed:
            continue
        return _deleted(call.tenant, connector_id, identity, deps)
    raise ApiError(ErrorCode.CONFLICT, "the connector changed in the same moment; try again")


def _deleted(tenant: str, connector_id: str, identity: str, deps: Deps) -> dict[str, Any]:
    deps.queues.send(Purge(tenant=tenant, deletion_id=identity), slot="api")
    return {"message": "The connector is deleted.", "connector_id": connector_id}


def _view(connector: Connector) -> dict[str, Any]:
    place = connector.place
    return {
        "connector_id": connector.connector_id,
        "name": connector.name,
        "provider": connector.provider,
        "status": connector.status,
        "scopes": connector.scopes,
        "import_mode": connector.import_mode,
        "export_base_path": connector.export_base_path or None,
        "bucket": place.get("bucket"),
        "region": place.get("region"),
        "storage_account": place.get("storage_account"),
        "container": place.get("container"),
        "gcp_project_id": place.get("gcp_project_id"),
        "created_at": wire_time(connector.created_at),
        "updated_at": wire_time(connector.updated_at),
        "last_tested_at": wire_time(connector.last_tested_at),
        "last_test_result": connector.last_test_result or None,
        "last_test_error": connector.last_test_error or None,
    }


def _file_view(one: CloudFile) -> dict[str, Any]:
    return {
        "path": one.path,
        "name": one.path.rpartition("/")[2],
        "size_bytes": one.size,
        "last_modified": wire_time(one.last_modified),
        "content_type": one.content_type or mimetypes.guess_type(one.path.rpartition("/")[2])[0],
        "extension": object_names.extension(one.path),
    }
