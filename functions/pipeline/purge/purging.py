"""Removing what was deleted: first from search, then rows and objects, the named resource last.

The API's delete already hid it; here it goes. Every step can be done again, and the order leaves nothing that could not be found
once more: a row is deleted after what only it leads to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from google.cloud.firestore_v1.base_query import BaseQuery, FieldFilter

from functions.pipeline.purge.exports import forget_exports
from functions.pipeline.purge.run_tables import forget_tables, rebuild_tables
from functions.pipeline.purge.seen_files import forget_seen
from shared.domain.automations import Automation
from shared.domain.batches import batched
from shared.domain.chat import ChatSession, ChatTurn, TurnBlock, TurnStep
from shared.domain.connectors import Connector
from shared.domain.documents import Document, Work
from shared.domain.markers import MarkedTarget
from shared.domain.media import Cut, Deletion, Index, Segment, SegmentPlace, Video, deletion_id
from shared.domain.reuse import EarlierAnswer
from shared.domain.runs import MediaState, Run, RunMedia, RunStatus, SegmentResult, SegmentRetry
from shared.domain.uploads import UploadSession
from shared.messaging.messages import Purge, SettleRun
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import MAX_BATCH, Changed, Store
from shared.vectors.ids import image_id, text_ids
from shared.vectors.index import VectorIndex
from shared.vectors.texts import MAX_TEXTS
from shared.work.claims import Claim, Claims
from shared.work.deleted import forget_calls, forget_derived
from shared.work.outcomes import GiveUp, Throttled

SLOWLY = 300.0  # seconds, after the attempts of one turn are used up
LOOK_AGAIN = 5.0  # seconds, while the items of an index are still going


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    objects: Objects
    vectors: VectorIndex
    claims: Claims


def purge(message: Purge, deps: Deps) -> None:
    deletion = deps.store.get(Deletion, message.tenant, message.deletion_id)
    if deletion is None or deletion.status == "deleted":
        return
    try:
        with deps.claims.hold(deletion, status="deleting") as claim:
            if deletion.resource == "index":
                _purge_index(deletion, claim, deps)
            elif deletion.resource == "session":
                _purge_session(deletion, claim, deps)
            elif deletion.resource == "connector":
                forget_seen(deletion.tenant, "connector_id", deletion.resource_id, deps.store)
                _end(claim, deps.store.get(Connector, deletion.tenant, deletion.resource_id), deps)
            else:
                _purge_video(deletion, claim, deps)
    except GiveUp as reason:
        # What was deleted has to go, however often that fails: it begins anew, at a slower pace.
        batch = deps.store.batch()
        batch.change(deletion, lease_until=None, failures=0, wake_at=deps.store.clock() + timedelta(seconds=2 * SLOWLY))
        batch.commit()
        raise Throttled(SLOWLY, reason.message) from reason


def _end(claim: Claim[Deletion], last: Document | None, deps: Deps) -> None:
    batch = deps.store.batch()
    if last is not None:
        batch.delete(last, fenced=True)
    claim.commit(batch, status="deleted", wake_at=None, completed_at=deps.store.clock())


def _purge_index(deletion: Deletion, claim: Claim[Deletion], deps: Deps) -> None:
    """Each item of the index is a deletion of its own; the index goes when none is left."""
    tenant, index_id = deletion.tenant, deletion.resource_id
    query = deps.store.collection(Video, tenant).where(filter=FieldFilter("index_id", "==", index_id)).limit(MAX_BATCH // 2)
    videos = list(deps.store.stream(Video, query))
    for video in videos:
        _delete_video(video, deps)
    if videos:
        raise Throttled(LOOK_AGAIN, "items of the index are still being removed")
    for run in list(deps.store.stream(Run, _runs_over(tenant, index_id, deps))):
        if not any(_is_alive(tenant, one, deps) for one in run.index_ids):
            _wait_for_holder(run, "a worker is still planning a run over it", deps)
            _delete_all(RunMedia, deps.store.collection(RunMedia, tenant, run.run_id), deps)  # planned after its item was gone
            forget_calls(tenant, "run_id", run.run_id, deps.store)
            deps.objects.delete_below(deps.objects.derived, f"blobs/{tenant}/{run.run_id}/")
            forget_tables(run, deps.store, deps.objects)
            forget_exports(tenant, run.run_id, deps.store, deps.objects)
            _delete([run], deps)
    forget_exports(tenant, index_id, deps.store, deps.objects)
    _delete_all(Automation, deps.store.collection(Automation, tenant).where(filter=FieldFilter("index_id", "==", index_id)), deps)
    forget_seen(tenant, "index_id", index_id, deps.store)
    _end(claim, deps.store.get(Index, tenant, index_id), deps)


def _is_alive(tenant: str, index_id: str, deps: Deps) -> bool:
    """Whether media below it can still be there; the playground always is."""
    if not index_id:
        return True
    index = deps.store.get(Index, tenant, index_id)
    return index is not None and index.deleted_at is None


def _delete_video(video: Video, deps: Deps) -> None:
    """Marks the item deleted, as the API does, and has it purged."""
    identity = deletion_id("video", video.video_id)
    now = deps.store.clock()
    if video.deleted_at is None:
        batch = deps.store.batch()
        batch.change(video, deleted_at=now)
        batch.put(
            Deletion(
                created_at=now,
                updated_at=now,
                tenant=video.tenant,
                deletion_id=identity,
                resource="video",
                resource_id=video.video_id,
                status="draining",
                wake_at=now + timedelta(seconds=60),
            )
        )
        try:
            batch.commit()
        except Changed:
            return  # seen again at the next look
    deps.queues.send(Purge(tenant=video.tenant, deletion_id=identity), slot="index")


def _purge_video(deletion: Deletion, claim: Claim[Deletion], deps: Deps) -> None:
    tenant, video_id = deletion.tenant, deletion.resource_id
    video = deps.store.get(Video, tenant, video_id)
    if video is not None:
        for media in _media_rows(video, deps):
            _purge_from_run(media, deps)
        _purge_cuts(video, deps)
    _delete_all(EarlierAnswer, deps.store.collection(EarlierAnswer, tenant, video_id), deps)
    forget_calls(tenant, "video_id", video_id, deps.store)
    marked = deps.store.collection(MarkedTarget, tenant).where(filter=FieldFilter("video_id", "==", video_id))
    _delete_all(MarkedTarget, marked, deps)
    _delete(deps.store.get_all(UploadSession, [(tenant, video_id)]), deps)
    deps.objects.delete_below(deps.objects.originals, f"media/{tenant}/{video_id}/")
    forget_derived(tenant, video_id, deps.objects)
    _end(claim, video, deps)


def _purge_session(deletion: Deletion, claim: Claim[Deletion], deps: Deps) -> None:
    """Its turns with their steps and logs; a worker on one of them sees the deletion and stops."""
    tenant, session_id = deletion.tenant, deletion.resource_id
    for turn in list(deps.store.stream(ChatTurn, deps.store.collection(ChatTurn, tenant, session_id).limit(MAX_BATCH))):
        _wait_for_holder(turn, "a worker still answers a turn of it and may write more", deps)
        for kind in (TurnStep, TurnBlock):
            _delete_all(kind, deps.store.collection(kind, tenant, session_id, turn.turn_id), deps)
        _delete([turn], deps)
    if deps.store.first(ChatTurn, deps.store.collection(ChatTurn, tenant, session_id)) is not None:
        raise Throttled(LOOK_AGAIN, "turns of the session are still being removed")
    deps.objects.delete_below(deps.objects.derived, f"blobs/{tenant}/{session_id}/")
    _end(claim, deps.store.get(ChatSession, tenant, session_id), deps)


def _media_rows(video: Video, deps: Deps) -> list[RunMedia]:
    """The item's rows in all the runs that touched it. Waits for those that may still give it one."""
    found: list[RunMedia] = []
    runs = deps.store.stream(Run, _runs_over(video.tenant, video.index_id, deps))
    for page in batched(runs, MAX_BATCH):
        if any(not run.planned and not RunStatus(run.status).is_terminal for run in page):
            raise Throttled(LOOK_AGAIN, "a run over it is still being planned")
        found += deps.store.get_all(RunMedia, [(video.tenant, run.run_id, video.video_id) for run in page])
    return found


def _purge_from_run(media: RunMedia, deps: Deps) -> None:
    """Closes the item in a run that is still under way, then removes its results and their vectors."""
    _wait_for_holder(media, "a worker still cuts it or sums it up and may write more", deps)
    if media.open:
        batch = deps.store.batch()
        now = deps.store.clock()
        batch.change(media, status=MediaState.CANCELLED, open=False, wake_at=None, completed_at=now, failure_code="media_deleted")
        batch.commit()
    rows = deps.store.collection(SegmentResult, media.tenant, media.run_id, media.video_id)
    for page in batched(deps.store.stream(SegmentResult, rows), 20):
        for row in page:
            _wait_for_holder(row, "a worker still holds a segment of it and may write vectors", deps)
            _purge_retries(row, deps)
            for attempt in range(1, row.attempt + 1):
                deps.vectors.remove(text_ids(row.run_id, row.video_id, row.segment_id, attempt, MAX_TEXTS))
        _delete(page, deps)
    for attempt in range(1, media.attempt + 1):
        deps.vectors.remove(text_ids(media.run_id, media.video_id, "", attempt, MAX_TEXTS))
    _delete([media], deps)
    rebuild_tables(media.tenant, media.run_id, deps.store, deps.queues)
    deps.queues.send(SettleRun(tenant=media.tenant, run_id=media.run_id), slot=f"without-{media.video_id}")


def _wait_for_holder(work: Work, reason: str, deps: Deps) -> None:
    """What a worker writes after the purge would stay for ever, so the purge comes after it."""
    if work.lease_until is not None and work.lease_until > deps.store.clock():
        raise Throttled(LOOK_AGAIN, reason)


def _purge_cuts(video: Video, deps: Deps) -> None:
    """Of a cut whose worker died before it vouched for the segments, there are segments only: its path is listed all the same."""
    for cut in list(deps.store.collection(Cut, video.tenant, video.video_id).list_documents()):
        segments = deps.store.collection(Segment, video.tenant, video.video_id, cut.id)
        for page in batched(deps.store.stream(Segment, segments), MAX_BATCH):
            deps.vectors.remove([image_id(s.video_id, s.cut_id, s.segment_id) for s in page])
            _delete(deps.store.get_all(SegmentPlace, [(s.tenant, s.segment_id) for s in page]), deps)
            _delete(page, deps)
        cut.delete()


def _runs_over(tenant: str, index_id: str, deps: Deps) -> BaseQuery:
    return deps.store.collection(Run, tenant).where(filter=FieldFilter("index_ids", "array_contains", index_id))


def _purge_retries(row: SegmentResult, deps: Deps) -> None:
    if not row.retry_id and row.attempt < 2:
        return  # it never had one
    retries = deps.store.collection(SegmentRetry, row.tenant, row.run_id, row.video_id, row.segment_id)
    for retry in list(deps.store.stream(SegmentRetry, retries)):
        _wait_for_holder(retry, "a worker still tries a segment of it again and may write vectors", deps)
        _delete([retry], deps)


def _delete_all(kind: type[Document], query: BaseQuery, deps: Deps) -> None:
    for page in batched(deps.store.stream(kind, query), MAX_BATCH):
        _delete(page, deps)


def _delete(documents: Iterable[Document], deps: Deps) -> None:
    """Fenced: what has changed since it was read may lead to more, so it is looked at again."""
    batch = deps.store.batch()
    for document in documents:
        batch.delete(document, fenced=True)
    batch.commit()
