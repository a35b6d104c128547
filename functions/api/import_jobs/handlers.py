"""Starting, following and stopping imports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.import_jobs.schemas import FilesQuery, FreshSource, ImportBody, JobsQuery, PageQuery, RetryBody
from shared.domain.connectors import IMPORT
from shared.domain.cursors import Cursors
from shared.domain.errors import invalid
from shared.domain.imports import FileStatus, ImportJob, SourceFile, file_id, source_place
from shared.egress.client import LOOKUP_SECONDS, Egress, Refused
from shared.http.call import Call
from shared.http.views.import_job import files_listing, import_job_view, outputs_listing, source_file_view
from shared.secrets import Sealer
from shared.store.connectors import Connectors
from shared.store.documents import Store
from shared.store.imports import Imports, Wanted, output_item
from shared.store.indexes import Indexes
from shared.store.pages import Direction, Pages

IN_ORDER: Sequence[tuple[str, Direction]] = (("ordinal", "ASCENDING"),)


@dataclass(frozen=True)
class Deps:
    store: Store
    imports: Imports
    connectors: Connectors
    indexes: Indexes
    pages: Pages
    cursors: Cursors
    egress: Egress
    sealer: Sealer


def create(call: Call[ImportBody], deps: Deps) -> dict[str, Any]:
    """Start an import of media from a connector into an index"""
    body = call.body
    connector = deps.connectors.get(call.tenant, body.connector_id)
    deps.indexes.own(call.tenant, body.index_id)
    if IMPORT not in connector.scopes:
        raise invalid("connector_id", "this connector has not the scope import; add it with PATCH")
    wanted = Wanted(
        connector_id=body.connector_id,
        index_id=body.index_id,
        source_prefix=body.source_prefix,
        file_pattern=body.file_pattern,
        recursive=body.recursive,
        import_mode=connector.import_mode,
    )
    job = deps.imports.start(call.tenant, call.new_id("import_job"), call.caller.user_id, wanted)
    return import_job_view(job, deps.cursors.encode)


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List import jobs, newest first"""
    query: JobsQuery = call.query
    jobs = deps.imports.all(call.tenant, status=query.status or "", limit=query.limit)
    return [import_job_view(job, deps.cursors.encode) for job in jobs]


def retrieve(call: Call[None], deps: Deps, job_id: str) -> dict[str, Any]:
    """Retrieve one import job with its progress"""
    return import_job_view(deps.imports.get(call.tenant, job_id), deps.cursors.encode)


def cancel(call: Call[None], deps: Deps, job_id: str) -> dict[str, Any]:
    """Cancel a running import job; what has arrived stays"""
    return import_job_view(deps.imports.cancel(call.tenant, job_id), deps.cursors.encode)


def retry(call: Call[RetryBody], deps: Deps, job_id: str) -> dict[str, Any]:
    """Take up again what failed or was cut off, attachments at fresh addresses; a job without such files stays as it is"""
    job = deps.imports.get(call.tenant, job_id)
    fresh = _fresh(job, call.body.files, deps) if call.body.files else {}
    return import_job_view(deps.imports.retry(call.tenant, job_id, fresh), deps.cursors.encode)


def _fresh(job: ImportJob, sources: Sequence[FreshSource], deps: Deps) -> dict[str, str]:
    """Sealed addresses by the ids that our own listing tells."""
    if job.source_kind != "attachment":
        raise invalid("files", "only attachments have addresses; leave it out, and the job reads its files where they are")
    ids = [(file_id(job.job_id, source.file_id), source.file_id) for source in sources]
    asked = [(job.tenant, job.job_id, one) for either in ids for one in either]
    known = {one.file_id for one in deps.store.get_all(SourceFile, asked, only=("status",))}
    sealed = {}
    for n, (source, either) in enumerate(zip(sources, ids, strict=True)):
        identity = next((one for one in either if one in known), "")
        if not identity:
            raise invalid(f"files.{n}.file_id", "this job has no such file; GET /import-jobs/{job_id}/files tells them")
        try:
            deps.egress.check(source.download_url, LOOKUP_SECONDS)
        except Refused as error:
            raise invalid(f"files.{n}.download_url", str(error)) from error
        place = source_place(job.tenant, job.job_id, identity)
        sealed[identity] = deps.sealer.seal(source.download_url.encode(), place)
    return sealed


def list_outputs(call: Call[None], deps: Deps, job_id: str) -> dict[str, Any]:
    """Page through the media items of an import job, those still to come among them"""
    query: PageQuery = call.query
    job = deps.imports.get(call.tenant, job_id)
    page = deps.pages.page(
        SourceFile,
        deps.store.collection(SourceFile, call.tenant, job_id).where(filter=FieldFilter("is_output", "==", True)),
        listing=outputs_listing(job),
        limit=query.limit,
        cursor=query.cursor,
        order=IN_ORDER,
    )
    items = [output_item(file) for file in page.items]
    return {"items": items, "next_cursor": page.next_cursor, "total": job.total_files - job.skipped}


def list_files(call: Call[None], deps: Deps, job_id: str) -> dict[str, Any]:
    """Page through the source files of an import job, or those that failed, with the reason"""
    query: FilesQuery = call.query
    job = deps.imports.get(call.tenant, job_id)
    files: Any = deps.store.collection(SourceFile, call.tenant, job_id)
    if query.failed_only:
        files = files.where(filter=FieldFilter("status", "==", FileStatus.FAILED))
    page = deps.pages.page(
        SourceFile,
        files,
        listing=files_listing(job, failed_only=query.failed_only),
        limit=query.limit,
        cursor=query.cursor,
        order=IN_ORDER,
    )
    items = [source_file_view(file) for file in page.items]
    return {"items": items, "next_cursor": page.next_cursor, "total": job.failed if query.failed_only else job.total_files}
