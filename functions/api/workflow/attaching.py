"""Files at addresses that somebody names: looked at by name here, downloaded by the stage that imports files."""

from typing import Any

from functions.api.workflow.destinations import resolved
from functions.api.workflow.handlers import Deps
from functions.api.workflow.schemas import AttachmentsBody
from shared.domain import object_names
from shared.domain.errors import invalid
from shared.domain.imports import file_id, source_place
from shared.egress.client import LOOKUP_SECONDS, Refused
from shared.http.call import Call
from shared.http.views.import_job import import_job_view
from shared.store.imports import Attachment


def attach(call: Call[AttachmentsBody], deps: Deps) -> dict[str, Any]:
    """Have files downloaded from their addresses into an index or the playground; answers at once with the job that does it"""
    body = call.body
    for n, one in enumerate(body.files):
        try:
            deps.egress.check(one.download_url, LOOKUP_SECONDS)
        except Refused as error:
            raise invalid(f"files.{n}.download_url", str(error)) from error
    destination = resolved(body, deps.api.as_caller(call))
    index_id = destination["index_id"] or ""
    if index_id:
        deps.indexes.own(call.tenant, index_id)
    job_id = call.new_id("import_job")
    files = []
    for n, one in enumerate(body.files):
        name = object_names.title(one.file_name or one.file_id)
        identity = file_id(job_id, one.file_id)
        sealed = deps.sealer.seal(one.download_url.encode(), source_place(call.tenant, job_id, identity))
        files.append(Attachment(identity, name, _title(body, name, n), sealed))
    return import_job_view(deps.imports.attach(call.tenant, job_id, call.caller.user_id, index_id, files), deps.cursors.encode)


def _title(body: AttachmentsBody, name: str, n: int) -> str:
    if body.title is None:
        return name
    return body.title if len(body.files) == 1 else f"{body.title} {n + 1}"
