"""Event rows: written in the batch of the change they tell of, published after it."""

from datetime import timedelta

from pydantic import BaseModel

from shared.domain.events import PAYLOADS, Event, EventType, ImportJobPayload, MediaPayload, PromptRunPayload, event_id
from shared.domain.imports import ImportJob
from shared.domain.media import Video
from shared.domain.runs import Run, RunCounts
from shared.messaging.messages import EventHappened
from shared.messaging.topics import Topics
from shared.store.documents import Batch, Store

KEPT = timedelta(days=30)


def record(
    store: Store,
    batch: Batch,
    event: EventType,
    payload: BaseModel,
    *,
    tenant: str,
    user_id: str,
    resource_id: str,
    occurrence: object,
    run_id: str = "",
    video_id: str = "",
    index_id: str = "",
) -> EventHappened:
    """Adds the row to the batch; publish what comes back once the batch is committed.

    `occurrence` tells one transition of a resource from the next of the same name: a version, a run, a time slot.
    """
    assert isinstance(payload, PAYLOADS[event])
    now = store.clock()
    row = Event(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        event_id=event_id(resource_id, event, occurrence),
        event_type=event,
        user_id=user_id,
        run_id=run_id,
        video_id=video_id,
        index_id=index_id,
        payload=payload.model_dump(),
        expires_at=now + KEPT,
    )
    batch.create(row)
    return EventHappened(tenant=tenant, event_id=row.event_id, event_type=event)


def record_run(
    store: Store, batch: Batch, event: EventType, run: Run, *, status: str, counts: dict, occurrence: object
) -> EventHappened:
    numbers = RunCounts(**counts)
    total_media = numbers.total_videos + numbers.total_audios + numbers.total_images
    ended = sum(
        getattr(numbers, f"{state}_{noun}")
        for state in ("completed", "failed", "partial", "cancelled")
        for noun in ("videos", "audios", "images")
    )
    payload = PromptRunPayload(
        run_id=run.run_id,
        prompt_id=run.prompt_id,
        status=status,
        index_ids=[one for one in run.index_ids if one],
        total_segments=numbers.total_segments,
        completed_segments=numbers.completed_segments,
        total_media=total_media,
        completed_media=ended,
        percent=percent(numbers, ended, total_media),
        error_code=run.error_code or None,
        error_message=run.error_message or None,
    )
    return record(
        store,
        batch,
        event,
        payload,
        tenant=run.tenant,
        user_id=run.user_id,
        resource_id=run.run_id,
        occurrence=occurrence,
        run_id=run.run_id,
        index_id=next((one for one in run.index_ids if one), ""),
    )


def record_media(
    store: Store,
    batch: Batch,
    event: EventType,
    video: Video,
    *,
    occurrence: object,
    run_id: str = "",
    status: str = "",
    error_code: str = "",
    error_message: str = "",
) -> EventHappened:
    payload = MediaPayload(
        video_id=video.video_id,
        index_id=video.index_id or None,
        title=video.title,
        media_type=video.media_type,
        run_id=run_id or None,
        status=status or None,
        error_code=error_code or None,
        error_message=error_message or None,
    )
    return record(
        store,
        batch,
        event,
        payload,
        tenant=video.tenant,
        user_id=video.user_id,
        resource_id=video.video_id,
        occurrence=occurrence,
        run_id=run_id,
        video_id=video.video_id,
        index_id=video.index_id,
    )


def record_import(store: Store, batch: Batch, event: EventType, job: ImportJob, *, occurrence: object) -> EventHappened:
    """Tells of the job as it stands in hand: set what the batch changes on it first."""
    payload = ImportJobPayload(
        job_id=job.job_id,
        connector_id=job.connector_id,
        target_index_id=job.index_id,
        status=job.status,
        total_files=job.total_files,
        imported=job.imported,
        failed=job.failed,
        skipped=job.skipped,
        error_message=job.error_message or None,
    )
    return record(
        store,
        batch,
        event,
        payload,
        tenant=job.tenant,
        user_id=job.user_id,
        resource_id=job.job_id,
        occurrence=occurrence,
        index_id=job.index_id,
    )


def percent(counts: RunCounts, ended_media: int, total_media: int) -> float:
    """How much of the run's segments, so far as they are known, is done: media not yet cut count as nothing done."""
    if not total_media:
        return 100.0
    if not counts.total_segments:
        return round(100.0 * ended_media / total_media, 1)
    return round(100.0 * min(1.0, counts.completed_segments / counts.total_segments), 1)


def publish(topics: Topics, facts: list[EventHappened]) -> None:
    for fact in facts:
        topics.publish(fact)
