"""One media item of a run: find its segments, or take those that the same settings gave before, and have each processed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from shared.domain.batches import batched
from shared.domain.events import EventType
from shared.domain.failures import FailureCode
from shared.domain.media import Cut, Segment, Video
from shared.domain.runs import FailureStage, MediaState, Run, RunMedia, RunStatus, SegmentResult, SegmentState
from shared.media.opener import UnreadableMedia
from shared.messaging.messages import CutSegments, ProcessSegment
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.objects.buckets import NoSuchObject, Objects
from shared.objects.previews import make_previews
from shared.store.documents import MAX_BATCH, Store
from shared.store.events import record_media
from shared.work.claims import Claim, Claims
from shared.work.deleted import forget_derived, undone_if_deleted
from shared.work.fan_in import OPEN, FanIn
from shared.work.outcomes import GiveUp

RECHECK = timedelta(minutes=10)


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    topics: Topics
    objects: Objects
    claims: Claims
    fan_in: FanIn


def cut_segments(message: CutSegments, deps: Deps) -> None:
    run = deps.store.get(Run, message.tenant, message.run_id)
    media = deps.store.get(RunMedia, message.tenant, message.run_id, message.video_id)
    if run is None or media is None:
        return
    video = deps.store.get(Video, message.tenant, message.video_id)
    if media.status == MediaState.PENDING:
        forget = partial(forget_derived, media.tenant, media.video_id, deps.objects)
        with undone_if_deleted(media.tenant, media.video_id, deps.store, forget):
            _cut(run, media, video, deps)
    if media.status == MediaState.PROCESSING:
        _send(media, deps)
        deps.fan_in.tell_progress(run)
    deps.fan_in.advance(run, media)


def _cut(run: Run, media: RunMedia, video: Video | None, deps: Deps) -> None:
    try:
        with deps.claims.hold(media, started_at=media.started_at or deps.store.clock()) as claim:
            if run.stop_requested or RunStatus(run.status).is_terminal:
                _end(run, claim, MediaState.CANCELLED, {}, deps)
            elif video is None or video.deleted_at is not None:
                gone = {
                    "failure_code": FailureCode.MEDIA_DELETED,
                    "error_message": "the media was deleted while the run was under way",
                }
                _end(run, claim, MediaState.CANCELLED, gone, deps)
            else:
                _write_rows(run, video, claim, deps)
    except GiveUp as reason:
        values = {
            "failure_stage": reason.stage or FailureStage.CUT,
            "failure_code": reason.code,
            "error_message": reason.message,
            "lease_until": None,
        }
        deps.fan_in.end_media(run, media, MediaState.FAILED, values)


def _write_rows(run: Run, video: Video, claim: Claim[RunMedia], deps: Deps) -> None:
    cut_id = run.cut_settings.cut_id(video)
    cut = deps.store.get(Cut, video.tenant, video.video_id, cut_id)
    if cut is None:
        try:
            from functions.pipeline.cut_segments.segmenting import cut_media  # with its numbers: not where it only starts

            cut = cut_media(video, run.cut_settings, claim, deps.store, deps.objects)
        except UnreadableMedia as error:
            raise GiveUp(error.code, str(error), stage=FailureStage.PROBE) from error
        except NoSuchObject as error:
            raise GiveUp(FailureCode.MEDIA_GONE, "the stored media is no longer there", stage=FailureStage.PROBE) from error
    query = deps.store.collection(Segment, video.tenant, video.video_id, cut_id).order_by("ordinal")
    segments = list(deps.store.stream(Segment, query))
    for page in batched(segments, MAX_BATCH):
        _create_results(claim, video, page, deps)
    batch = deps.store.batch()
    marks: dict[str, Any] = {
        f"active_runs.{run.run_id}": MediaState.PROCESSING,
        "latest_cut_id": cut_id,
        "latest_run_id": run.run_id,
    }
    if not video.gif_uri and not video.video_uri.startswith(f"gs://{deps.objects.originals}/"):
        marks |= _previews(video, deps)
    batch.raw_update(video, marks)
    batch.raw_update(cut, {f"runs.{run.run_id}": deps.store.clock()})
    fact = record_media(
        deps.store,
        batch,
        EventType.MEDIA_PROCESSING_STARTED,
        video,
        occurrence=run.run_id,
        run_id=run.run_id,
        status=MediaState.PROCESSING,
    )
    claim.commit(
        batch,
        status=MediaState.PROCESSING,
        cut_id=cut_id,
        new_segments=cut.run_id == run.run_id,  # also where an earlier attempt of this run made it
        total_segments=len(segments),
        wake_at=deps.store.clock() + RECHECK,
        failures=0,
    )
    deps.topics.publish(fact)


def _previews(video: Video, deps: Deps) -> dict[str, Any]:
    """Nobody tells of an object in a foreign bucket, so here is where it gets its pictures; it may do without."""
    try:
        return make_previews(video, deps.objects.open(deps.objects.stat(video.video_uri)), deps.objects)
    except (NoSuchObject, UnreadableMedia):
        return {}


def _create_results(claim: Claim[RunMedia], video: Video, segments: Sequence[Segment], deps: Deps) -> None:
    run = claim.document
    ids = [(run.tenant, run.run_id, video.video_id, segment.segment_id) for segment in segments]
    known = {row.segment_id for row in deps.store.get_all(SegmentResult, ids)}
    now = deps.store.clock()
    batch = deps.store.batch()
    for segment in segments:
        if segment.segment_id in known:
            continue
        batch.create(
            SegmentResult(
                created_at=now,
                updated_at=now,
                tenant=run.tenant,
                run_id=run.run_id,
                video_id=video.video_id,
                segment_id=segment.segment_id,
                index_id=video.index_id,
                cut_id=segment.cut_id,
                ordinal=segment.ordinal,
                start=segment.start,
                end=segment.end,
                thumbnail_uri=segment.thumbnail_uri,
                status=SegmentState.PENDING,
                wake_at=now + RECHECK,
            )
        )
    claim.save(batch)


def _send(media: RunMedia, deps: Deps) -> None:
    query = deps.store.collection(SegmentResult, media.tenant, media.run_id, media.video_id).where(filter=OPEN)
    for row in deps.store.stream(SegmentResult, query):
        command = ProcessSegment(tenant=row.tenant, run_id=row.run_id, video_id=row.video_id, segment_id=row.segment_id)
        deps.queues.send(command, slot="cut")


def _end(run: Run, claim: Claim[RunMedia], state: MediaState, values: dict, deps: Deps) -> None:
    batch = deps.store.batch()
    fact = deps.fan_in.end_media_in(batch, run, claim.document, state, values)
    claim.commit(batch, **deps.fan_in.ended(state), **values)
    if fact is not None:
        deps.topics.publish(fact)
