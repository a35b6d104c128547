"""From a run's target to one row per media item, and the message that has each of them cut."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.batches import batched
from shared.domain.events import EventType
from shared.domain.media import Video
from shared.domain.runs import MediaState, Run, RunCounts, RunMedia, RunStatus
from shared.messaging.messages import CutSegments, PlanRun, SettleRun
from shared.messaging.queues import Queues
from shared.messaging.topics import Topics
from shared.store.documents import MAX_BATCH, Store
from shared.store.events import record_run
from shared.work.claims import WAKE_GRACE, Claim, Claims
from shared.work.outcomes import GiveUp

RECHECK = timedelta(minutes=5)  # how often a run under way is looked at even if no message says so


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    topics: Topics
    claims: Claims


def plan_run(message: PlanRun, deps: Deps) -> None:
    """Writes the run's media rows, then sends each to be cut. Planned twice, it writes the same rows."""
    run = deps.store.get(Run, message.tenant, message.run_id)
    if run is None or RunStatus(run.status).is_terminal:
        return
    if not run.planned and not run.stop_requested:
        try:
            _plan(run, deps)
        except GiveUp as reason:
            _fail(run, reason, deps)
            return
    _send(run, deps)


def _fail(run: Run, reason: GiveUp, deps: Deps) -> None:
    """The run ends here; media rows that were written already end when they are looked at."""
    run.error_code, run.error_message = reason.code, reason.message
    batch = deps.store.batch()
    fact = record_run(
        deps.store, batch, EventType.PROMPT_RUN_FAILED, run, status=RunStatus.FAILED, counts=run.counts, occurrence="ended"
    )
    batch.change(
        run,
        status=RunStatus.FAILED,
        error_code=reason.code,
        error_message=reason.message,
        wake_at=None,
        lease_until=None,
        completed_at=deps.store.clock(),
    )
    batch.commit()
    deps.topics.publish(fact)


def _plan(run: Run, deps: Deps) -> None:
    with deps.claims.hold(run, status=RunStatus.PROCESSING, started_at=run.started_at or deps.store.clock()) as claim:
        totals: Counter[str] = Counter()
        seconds = 0.0
        for page in batched(_targets(run, deps.store), MAX_BATCH):
            _write_rows(claim, page, deps)
            totals.update(video.media_type for video in page)
            seconds += sum(video.duration_seconds for video in page)
        counts = asdict(
            RunCounts(
                total_videos=totals["video"],
                total_audios=totals["audio"],
                total_images=totals["image"],
                total_media_seconds=round(seconds, 3),
                video_level_total_items=sum(totals.values()) if run.video_level else 0,
            )
        )
        batch = deps.store.batch()
        fact = record_run(
            deps.store,
            batch,
            EventType.PROMPT_RUN_STARTED,
            run,
            status=RunStatus.PROCESSING,
            counts=counts,
            occurrence="started",
        )
        claim.commit(batch, planned=True, counts=counts, wake_at=deps.store.clock() + RECHECK)
    deps.topics.publish(fact)


def _targets(run: Run, store: Store) -> Iterator[Video]:
    """The media the run was started on, those deleted since left out."""
    if run.target["type"] == "videos":
        ids = [(run.tenant, video_id) for video_id in dict.fromkeys(run.target["video_ids"])]
        for page in batched(ids, MAX_BATCH):
            yield from (video for video in store.get_all(Video, page) if video.deleted_at is None)
        return
    wanted = FieldFilter("index_id", "==", run.target.get("index_id") or "")
    query = store.collection(Video, run.tenant).where(filter=wanted)
    yield from (video for video in store.stream(Video, query) if video.deleted_at is None)


def _write_rows(claim: Claim[Run], videos: tuple[Video, ...], deps: Deps) -> None:
    """Rows that are there already stay as they are: their work may be under way."""
    run = claim.document
    known = {m.video_id for m in deps.store.get_all(RunMedia, [(run.tenant, run.run_id, v.video_id) for v in videos])}
    now = deps.store.clock()
    batch = deps.store.batch()
    for video in videos:
        if video.video_id in known:
            continue
        batch.create(
            RunMedia(
                created_at=now,
                updated_at=now,
                tenant=run.tenant,
                run_id=run.run_id,
                video_id=video.video_id,
                index_id=video.index_id,
                media_type=video.media_type,
                video_name=video.title,
                status=MediaState.PENDING,
                duration_seconds=video.duration_seconds,
                wake_at=now + WAKE_GRACE + RECHECK,
            )
        )
    claim.save(batch)


def _send(run: Run, deps: Deps) -> None:
    sent = False
    query = deps.store.collection(RunMedia, run.tenant, run.run_id).where(filter=FieldFilter("status", "==", MediaState.PENDING))
    for media in deps.store.stream(RunMedia, query):
        deps.queues.send(CutSegments(tenant=run.tenant, run_id=run.run_id, video_id=media.video_id), slot="plan")
        sent = True
    if not sent or run.stop_requested:  # nothing to wait for
        deps.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot="plan")
