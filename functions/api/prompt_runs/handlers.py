"""Reading what prompt runs found; cancelling them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.prompt_runs.schemas import CallsQuery, ListQuery, ResultsQuery
from functions.api.prompt_runs.views import llm_call, segment_result, video_result
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.runs import LlmCall, Run, RunMedia, RunStatus, SegmentResult, SegmentState
from shared.http.call import Call
from shared.http.views.run import run_view
from shared.messaging.messages import SettleRun
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import Changed, Store
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.pages import Pages
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos, video_not_found

STOPPED_WITHIN = timedelta(seconds=60)
MOST_CALLS = 2_000


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    objects: Objects
    pages: Pages
    indexes: Indexes
    videos: Videos
    prompts: Prompts
    runs: Runs


def list_runs(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List prompt runs, newest first"""
    query: ListQuery = call.query
    runs = deps.runs.newest(call.tenant, limit=query.limit)
    marks = Markers(deps.store).of_each(call.tenant, [run.run_id for run in runs])
    return [run_view(run, marks) for run in runs]


def retrieve(call: Call[None], deps: Deps, run_id: str) -> dict[str, Any]:
    """Retrieve one run with its counters"""
    return run_view(deps.runs.get(call.tenant, run_id), Markers(deps.store).of_each(call.tenant, [run_id]))


def list_results(call: Call[None], deps: Deps, run_id: str) -> dict[str, Any]:
    """Page through the segment results of one media item, in the order of the media"""
    query: ResultsQuery = call.query
    run = deps.runs.get(call.tenant, run_id)
    media = media_in_run(call.tenant, run, query.video_id, deps)
    rows = deps.store.collection(SegmentResult, call.tenant, run.run_id, media.video_id)
    page = deps.pages.page(
        SegmentResult,
        rows.where(filter=FieldFilter("open", "==", False)),
        listing=f"results/{call.tenant}/{run.run_id}/{media.video_id}",
        limit=query.limit,
        cursor=query.cursor,
        order=(("ordinal", "ASCENDING"),),
        keep=lambda row: row.status != SegmentState.CANCELLED,
    )
    marks = Markers(deps.store).of_run_rows(call.tenant, run_id, [row.segment_id for row in page.items])
    return page.envelope(lambda row: segment_result(run, media, row, _signed(row.thumbnail_uri, deps), marks))


def get_video_result(call: Call[None], deps: Deps, run_id: str, video_id: str) -> dict[str, Any]:
    """Retrieve the media-wide synthesis of one media item"""
    run = deps.runs.get(call.tenant, run_id)
    media = media_in_run(call.tenant, run, video_id, deps)
    if media.video_level_status not in ("completed", "partial", "failed"):
        raise ApiError(ErrorCode.VIDEO_RESULT_NOT_FOUND, "there is no media-wide result for this item yet")
    video = deps.videos.get(call.tenant, video_id)
    marks = Markers(deps.store).of(call.tenant, [(video_id, run_id), (video_id, "")])
    return video_result(run, media, video, _signed(video.thumbnail_uri, deps), marks)


def list_llm_calls(call: Call[None], deps: Deps, run_id: str) -> list[dict[str, Any]]:
    """List the model calls of a run, oldest first, for debugging"""
    run = deps.runs.get(call.tenant, run_id)
    query = deps.store.collection(LlmCall, call.tenant).where(filter=FieldFilter("run_id", "==", run.run_id))
    asked: CallsQuery = call.query
    if asked.segment_id is not None:
        query = query.where(filter=FieldFilter("segment_id", "==", asked.segment_id))
    calls = list(deps.store.stream(LlmCall, query.order_by("invoked_at").limit(MOST_CALLS)))
    living = {video.video_id for video in deps.videos.get_many(call.tenant, [one.video_id for one in calls])}
    return [llm_call(one) for one in calls if one.video_id in living]


def cancel(call: Call[None], deps: Deps, run_id: str) -> dict[str, Any]:
    """Ask a run to stop; what a model is working on may still finish"""
    while True:
        run = deps.runs.get(call.tenant, run_id)
        if run.stop_requested:
            return run_view(run, Markers(deps.store).of_each(call.tenant, [run_id]))
        if RunStatus(run.status).is_terminal:
            raise ApiError(ErrorCode.CONFLICT, f"the run has already ended: {run.status}", details={"status": run.status})
        now = deps.store.clock()
        stop = {"requested_at": now, "requested_by": call.caller.user_id, "mode": "cooperative"}
        batch = deps.store.batch()
        batch.change(run, stop_state=stop, wake_at=now + STOPPED_WITHIN)
        try:
            batch.commit()
        except Changed:
            continue  # a recount came between
        deps.queues.send(SettleRun(tenant=run.tenant, run_id=run.run_id), slot="stop")
        return run_view(run, Markers(deps.store).of_each(call.tenant, [run_id]))


def media_in_run(tenant: str, run: Run, video_id: str, deps: Deps) -> RunMedia:
    """The item's row in the run; 404 for an item that is gone or was never in it."""
    deps.videos.get(tenant, video_id)
    media = deps.store.get(RunMedia, tenant, run.run_id, video_id)
    if media is None:
        raise video_not_found()
    return media


def _signed(uri: str, deps: Deps) -> str:
    return deps.objects.signed_url(uri) if uri else ""
