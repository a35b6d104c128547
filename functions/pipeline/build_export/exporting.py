"""An export from asked for to ready: the file is written to our own bucket, and from there to the customer's storage if asked.

A file's name carries the attempt that wrote it, so a worker that lost its lease writes beside the one that has it. It counts once
the document names it; what was written by then is not written again, whatever fails behind it. In a customer's storage the
name is the export's own, so a second delivery writes the same file over the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from functions.pipeline.build_export.reading import Reader
from functions.pipeline.build_export.writing import pieces
from shared.connectors.opening import Opener
from shared.connectors.outcomes import outcome_of
from shared.connectors.port import CloudError
from shared.domain.connectors import EXPORT, Connector
from shared.domain.events import EventType, ExportPayload
from shared.domain.exports import MAX_ATTEMPTS, Export, ExportState, destination_path, exports_prefix
from shared.domain.failures import FailureCode
from shared.messaging.messages import BuildExport
from shared.messaging.topics import Topics
from shared.objects.buckets import NoSuchObject, ObjectInfo, Objects
from shared.store.documents import Batch, Changed, Store
from shared.store.events import EventHappened, record
from shared.work.claims import Claim, Claims
from shared.work.outcomes import GiveUp, LeaseLost, Throttled

_SHOWN = 500  # characters of an error
CONNECTOR_GONE = "connector_gone"


@dataclass(frozen=True)
class Deps:
    store: Store
    topics: Topics
    objects: Objects
    opener: Opener
    claims: Claims


def build_export(message: BuildExport, deps: Deps) -> None:
    export = deps.store.get(Export, message.tenant, message.export_id)
    if export is None:
        return
    if ExportState(export.status).is_terminal:
        _tidy(export, deps)
        return
    started = export.started_at or deps.store.clock()
    try:
        with deps.claims.hold(export, status=ExportState.PROCESSING, started_at=started) as claim:
            fact = _export(claim, deps)
    except GiveUp as reason:
        fact = _fail(export, reason, deps)
    except Exception:
        _take_back(export, deps)
        raise
    deps.topics.publish(fact)
    _tidy(export, deps)


def _export(claim: Claim[Export], deps: Deps) -> EventHappened:
    try:
        info = _artifact(claim, deps)
        uri = _deliver(claim, info, deps) if claim.document.to_connector else ""
        Reader(claim.document, deps.store, lambda: None).require_target()
    except (GiveUp, LeaseLost, Throttled):
        raise
    except Exception as error:  # counted and tried again by the claim; here it is only written down
        claim.keep(last_error=_words(error))
        raise
    batch = deps.store.batch()
    fact = _event(EventType.EXPORT_READY, claim.document, ExportState.COMPLETED, "", batch, deps)
    claim.commit(
        batch,
        status=ExportState.COMPLETED,
        destination_uri=uri,
        file_size_bytes=info.size,
        wake_at=None,
        completed_at=deps.store.clock(),
    )
    return fact


def _artifact(claim: Claim[Export], deps: Deps) -> ObjectInfo:
    """The file in our bucket: the one that an earlier attempt finished, or a new one."""
    export = claim.document
    if export.artifact_uri:
        try:
            return deps.objects.stat(export.artifact_uri)
        except NoSuchObject:
            pass  # removed under our hands: write it anew
    reader = Reader(export, deps.store, lambda: _require(claim))
    name = exports_prefix(export.tenant, export.export_id, export.attempt) + export.file_name
    info = deps.objects.stream_derived(name, pieces(export.file_format, reader.read()), export.media_type)
    claim.keep(artifact_uri=info.uri, file_size_bytes=info.size)
    return info


def _require(claim: Claim[Export]) -> None:
    if claim.lost:
        raise LeaseLost


def _deliver(claim: Claim[Export], info: ObjectInfo, deps: Deps) -> str:
    """Into the customer's storage; its URI there."""
    export = claim.document
    connector = deps.store.get(Connector, export.tenant, export.destination_connector_id)
    if connector is None or connector.deleted_at is not None:
        raise GiveUp(CONNECTOR_GONE, "the destination connector was deleted")
    if EXPORT not in connector.scopes:
        raise GiveUp(CONNECTOR_GONE, "the destination connector may not be exported to any more: its scopes lack export")
    folder = destination_path(export.destination_base_path, export.destination_subpath)
    path = f"{folder}/{export.file_name}" if folder else export.file_name

    def watched() -> Iterator[bytes]:
        for piece in deps.objects.pieces(info):
            _require(claim)
            yield piece

    try:
        return deps.opener.open(connector).write(path, watched(), export.media_type)
    except CloudError as error:
        raise outcome_of(error) from error


def _fail(export: Export, reason: GiveUp, deps: Deps) -> EventHappened:
    """The other terminal transition. An export whose target is gone takes its file along."""
    words = _words(reason)
    batch = deps.store.batch()
    fact = _event(EventType.EXPORT_FAILED, export, ExportState.FAILED, words, batch, deps)
    exhausted = reason.code == FailureCode.ATTEMPTS_EXHAUSTED
    batch.change(
        export,
        status=ExportState.FAILED,
        wake_at=None,
        lease_until=None,
        completed_at=deps.store.clock(),
        failures=MAX_ATTEMPTS if exhausted else export.failures + 1,
        error_code=reason.code,
        error_message=words,
        last_error=words,
        artifact_uri="",
        file_size_bytes=0,
    )
    try:
        batch.commit()
    except Changed as error:
        raise LeaseLost from error
    return fact


def _event(event: EventType, export: Export, status: str, error: str, batch: Batch, deps: Deps) -> EventHappened:
    payload = ExportPayload(
        export_id=export.export_id,
        export_type=export.export_type,
        target_id=export.target_id,
        status=status,
        error_message=error or None,
    )
    return record(
        deps.store,
        batch,
        event,
        payload,
        tenant=export.tenant,
        user_id=export.user_id,
        resource_id=export.export_id,
        occurrence="ended",
        run_id=export.target_id if export.export_type == "prompt_run" else "",
        index_id=export.target_id if export.export_type == "index" else "",
    )


def _tidy(export: Export, deps: Deps) -> None:
    """Removes the files that do not count: of earlier attempts, and what a customer's storage has now."""
    kept = export.artifact_uri if export.status == ExportState.COMPLETED and not export.to_connector else ""
    deps.objects.delete_below(
        deps.objects.derived,
        exports_prefix(export.tenant, export.export_id),
        but=kept.removeprefix(f"gs://{deps.objects.derived}/"),
    )


def _take_back(export: Export, deps: Deps) -> None:
    """A worker that stood still past its lease comes after the one that tidied up: its file goes too, unless it counts."""
    kept = deps.store.get(Export, export.tenant, export.export_id)
    if kept is None:
        deps.objects.delete_below(deps.objects.derived, exports_prefix(export.tenant, export.export_id))
    elif ExportState(kept.status).is_terminal:
        _tidy(kept, deps)


def _words(error: Exception) -> str:
    return str(error)[:_SHOWN] or type(error).__name__
