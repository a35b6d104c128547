"""The minute's sweep: whatever waits longer than its document says is told again.

Every document that is not at its end carries `wake_at`. Where that has passed, the message that its state implies was lost, or
its worker died: it is sent again. A sweep that runs twice sends the same named task.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from shared import logging
from shared.domain.automations import Automation
from shared.domain.chat import ChatTurn
from shared.domain.documents import Work
from shared.domain.events import Event
from shared.domain.exports import Export
from shared.domain.imports import ImportJob, ImportStatus, SourceFile
from shared.domain.media import Deletion
from shared.domain.runs import MediaState, Run, RunMedia, SegmentResult, SegmentRetry
from shared.domain.tables import RunTables
from shared.domain.webhooks import Delivery
from shared.messaging.messages import (
    BuildExport,
    BuildTables,
    Command,
    CutSegments,
    DeliverWebhook,
    EventHappened,
    ImportFile,
    PlanRun,
    ProcessSegment,
    Purge,
    RunAutomation,
    RunTurn,
    ScanImport,
    SettleRun,
    SynthesizeVideo,
    Tick,
)
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.store.documents import Changed, Store

AGAIN = timedelta(minutes=5)
EVENT_GRACE = timedelta(seconds=60)
AT_ONCE = 500  # of one kind in one sweep; the next minute goes on


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    topics: Topics


def tick(message: Tick, deps: Deps) -> None:
    for kind, implied in IMPLIED.items():
        _wake(kind, implied, deps)
    _republish(deps)


def _of_run(run: Run) -> Command:
    if run.planned or run.stop_requested:
        return SettleRun(tenant=run.tenant, run_id=run.run_id)
    return PlanRun(tenant=run.tenant, run_id=run.run_id)


def _of_media(media: RunMedia) -> Command:
    if media.status == MediaState.SYNTHESIZING:
        return SynthesizeVideo(tenant=media.tenant, run_id=media.run_id, video_id=media.video_id)
    return CutSegments(tenant=media.tenant, run_id=media.run_id, video_id=media.video_id)


def _of_segment(row: SegmentResult) -> Command:
    return ProcessSegment(tenant=row.tenant, run_id=row.run_id, video_id=row.video_id, segment_id=row.segment_id)


def _of_retry(retry: SegmentRetry) -> Command:
    return ProcessSegment(
        tenant=retry.tenant,
        run_id=retry.run_id,
        video_id=retry.video_id,
        segment_id=retry.segment_id,
        retry_id=retry.retry_id,
    )


def _of_tables(tables: RunTables) -> Command:
    return BuildTables(tenant=tables.tenant, run_id=tables.run_id)


def _of_automation(automation: Automation) -> Command:
    return RunAutomation(tenant=automation.tenant, automation_id=automation.automation_id)


def _of_export(export: Export) -> Command:
    return BuildExport(tenant=export.tenant, export_id=export.export_id)


def _of_import_job(job: ImportJob) -> Command:
    listing = job.status in (ImportStatus.PENDING, ImportStatus.SCANNING)
    return ScanImport(tenant=job.tenant, job_id=job.job_id, page_id=job.page_id if listing else "")


def _of_source_file(file: SourceFile) -> Command:
    return ImportFile(tenant=file.tenant, job_id=file.job_id, file_id=file.file_id)


def _of_deletion(deletion: Deletion) -> Command:
    return Purge(tenant=deletion.tenant, deletion_id=deletion.deletion_id)


def _of_turn(turn: ChatTurn) -> Command:
    return RunTurn(tenant=turn.tenant, session_id=turn.session_id, turn_id=turn.turn_id)


def _of_delivery(delivery: Delivery) -> Command:
    return DeliverWebhook(tenant=delivery.tenant, delivery_id=delivery.delivery_id)


IMPLIED: dict[type[Work], Callable[..., Command]] = {
    Run: _of_run,
    RunMedia: _of_media,
    SegmentResult: _of_segment,
    SegmentRetry: _of_retry,
    RunTables: _of_tables,
    Export: _of_export,
    Automation: _of_automation,
    ImportJob: _of_import_job,
    SourceFile: _of_source_file,
    Deletion: _of_deletion,
    ChatTurn: _of_turn,
    Delivery: _of_delivery,
}


def _wake(kind: type[Work], implied: Callable[..., Command], deps: Deps) -> None:
    now = deps.store.clock()
    overdue = deps.store.across_tenants(kind).where(filter=FieldFilter("wake_at", "<=", now)).order_by("wake_at").limit(AT_ONCE)
    woken = 0
    for document in list(deps.store.stream(kind, overdue)):
        deps.queues.send(implied(document), slot=f"wake-{document.version}-{document.wake_at:%Y%m%dT%H%M%S}")
        batch = deps.store.batch()
        batch.change(document, wake_at=now + AGAIN)
        try:
            batch.commit()
            woken += 1
        except Changed:
            continue  # it moved by itself
    if woken:
        logging.warning("overdue work sent again", kind=kind.__name__, count=woken)


def _republish(deps: Deps) -> None:
    """Events a minute old without a number, or numbered with others: their own fact may have been lost before it was sent."""
    before = deps.store.clock() - EVENT_GRACE
    for unheard in (FieldFilter("seq", "==", None), FieldFilter("told", "==", False)):
        late = (
            deps.store.across_tenants(Event)
            .where(filter=unheard)
            .where(filter=FieldFilter("created_at", "<=", before))
            .order_by("created_at")
            .limit(AT_ONCE)
        )
        for event in list(deps.store.stream(Event, late)):
            deps.topics.publish(EventHappened(tenant=event.tenant, event_id=event.event_id, event_type=event.event_type))
