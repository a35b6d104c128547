"""Asking for exports, and reading what became of them."""

import re
from dataclasses import dataclass
from typing import Any

from functions.api.exports.schemas import DownloadQuery, IndexExportBody, ListQuery, RunExportBody
from functions.api.exports.views import can_download, export_view
from shared.domain.connectors import EXPORT
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.exports import DownloadTokens, Export, clean_path, destination_path
from shared.domain.sharing import SHARED_TENANT
from shared.http.call import Call, Reply
from shared.http.request import Request, Response
from shared.http.routes import PREFIX
from shared.messaging.queues import Queues
from shared.objects.buckets import NoSuchObject, Objects
from shared.store.connectors import Connectors
from shared.store.documents import Store
from shared.store.exports import Exports, new_export, send_export
from shared.store.indexes import Indexes
from shared.store.runs import Runs

STREAMED_BYTES = 31 * 1024 * 1024  # a response whose length is told ends at 32 MiB in the cloud
_HOST = re.compile(r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?$")


@dataclass(frozen=True)
class Deps:
    """`base_url` is the API's own address; `stream_limit` the largest file that is sent through it."""

    store: Store
    queues: Queues
    objects: Objects
    indexes: Indexes
    runs: Runs
    connectors: Connectors
    exports: Exports
    tokens: DownloadTokens
    base_url: str
    stream_limit: int = STREAMED_BYTES


def export_index(call: Call[IndexExportBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """Export what runs found in the media of an index"""
    index = deps.indexes.get(call.tenant, index_id)
    if index.tenant == SHARED_TENANT:
        raise ApiError(ErrorCode.READ_ONLY_DEFAULT, "default indexes cannot be exported")
    run_ids = list(dict.fromkeys(call.body.prompt_run_ids or []))
    found = deps.runs.get_many(call.tenant, run_ids)
    if len(found) < len(run_ids):
        raise ApiError(ErrorCode.RUN_NOT_FOUND, "there is no such prompt run")
    strange = [run.run_id for run in found if index_id not in run.index_ids]
    if strange:
        raise invalid("prompt_run_ids", f"these ran over no media of this index: {', '.join(strange[:5])}")
    return _start(call, deps, export_type="index", target_id=index_id, prompt_run_ids=run_ids)


def export_run(call: Call[RunExportBody], deps: Deps, run_id: str) -> dict[str, Any]:
    """Export what one prompt run found"""
    run = deps.runs.get(call.tenant, run_id)
    return _start(call, deps, export_type="prompt_run", target_id=run.run_id)


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List exports, newest first"""
    query: ListQuery = call.query
    now = deps.store.clock()
    return [export_view(export, now) for export in deps.exports.newest(call.tenant, limit=query.limit)]


def retrieve(call: Call[None], deps: Deps, export_id: str) -> dict[str, Any]:
    """Retrieve one export"""
    return export_view(deps.exports.get(call.tenant, export_id), deps.store.clock())


def mint(call: Call[Any], deps: Deps, export_id: str) -> Reply:
    """Mint an address that downloads the export without a credential, for ten minutes"""
    export = deps.exports.get(call.tenant, export_id)
    url = None
    if can_download(export):
        token = deps.tokens.mint(call.tenant, export_id, deps.store.clock())
        url = f"{_origin(call.request, deps.base_url)}{PREFIX}/exports/{export_id}/download?token={token}"
    answer = {
        "export_id": export_id,
        "status": export.status,
        "destination_type": "connector" if export.to_connector else "download",
        "destination_connector_id": export.destination_connector_id or None,
        "download_url": url,
    }
    return Reply(answer, headers={"Cache-Control": "no-store"})


def download(call: Call[None], deps: Deps, export_id: str) -> Response:
    """Download the file, with a credential or with a minted token"""
    query: DownloadQuery = call.query
    tenant = deps.tokens.tenant(query.token, export_id, deps.store.clock()) if query.token else call.tenant
    if not tenant:
        raise ApiError(ErrorCode.UNAUTHENTICATED, "this download address is not valid any more; ask for another")
    export = deps.exports.get(tenant, export_id)
    if not can_download(export):
        message = "this export was written to a connector" if export.to_connector else f"the export is {export.status}"
        raise ApiError(ErrorCode.CONFLICT, f"{message}; there is nothing to download", details={"status": export.status})
    return _file(export, deps, minted=bool(query.token))


def _file(export: Export, deps: Deps, *, minted: bool) -> Response:
    try:
        info = deps.objects.stat(export.artifact_uri)
    except NoSuchObject as error:
        raise ApiError(ErrorCode.EXPORT_NOT_FOUND, "the file of this export is gone; export again") from error
    if info.size > deps.stream_limit:
        if minted:  # it carries no credential that a redirect could hand to somebody else
            location = deps.objects.signed_url(export.artifact_uri, fresh=True)
            return Response(302, {"Location": location, "Content-Type": export.media_type, "Referrer-Policy": "no-referrer"})
        raise ApiError(
            ErrorCode.EXPORT_TOO_LARGE,
            f"the file has {info.size} bytes; through this endpoint go at most {deps.stream_limit}",
            details={"file_size_bytes": info.size, "limit_bytes": deps.stream_limit},
        )
    headers = {
        "Content-Type": export.media_type,
        "Content-Length": str(info.size),
        "Content-Disposition": f'attachment; filename="{export.file_name}"',
        "Referrer-Policy": "no-referrer",
    }
    return Response(200, headers, deps.objects.pieces(info))


def _start(call: Call[Any], deps: Deps, **target: Any) -> dict[str, Any]:
    body: RunExportBody = call.body
    export = new_export(
        deps.store,
        tenant=call.tenant,
        export_id=call.new_id("export"),
        user_id=call.caller.user_id,
        file_format=body.format,
        **target,
        **_destination(call.tenant, body, deps),
    )
    export = deps.store.create_once(export)
    send_export(deps.queues, export)
    return export_view(export, deps.store.clock())


def _destination(tenant: str, body: RunExportBody, deps: Deps) -> dict[str, str]:
    if body.destination_connector_id is None:
        return {}
    connector = deps.connectors.get(tenant, body.destination_connector_id)
    if EXPORT not in connector.scopes:
        raise invalid("destination_connector_id", "this connector's scopes do not include export")
    subpath = body.destination_subpath or ""
    destination_path(connector.export_base_path, subpath)
    return {
        "destination_connector_id": connector.connector_id,
        "destination_base_path": clean_path(connector.export_base_path),
        "destination_subpath": subpath,
    }


def _origin(request: Request, base_url: str) -> str:
    """Where the caller reached us. Deployed, that is the one public address; on one machine whatever stands before the door."""
    if base_url.startswith("https://"):
        return base_url.rstrip("/")
    host = request.headers.get("X-Forwarded-Host") or request.headers.get("Host")
    scheme = request.headers.get("X-Forwarded-Proto", "http").split(",")[0].strip().lower()
    if not _HOST.match(host) or scheme not in ("http", "https"):
        return base_url.rstrip("/")
    return f"{scheme}://{host}"
