"""Starting prompt runs."""

from typing import Any

from functions.api.prompt_runs.handlers import Deps
from functions.api.prompt_runs.schemas import ExecuteBody, IndexTarget, ProcessQuery, Target, VideosTarget
from shared.domain.errors import invalid
from shared.domain.run_settings import new_run
from shared.domain.runs import Run
from shared.http.call import Call
from shared.http.views.run import run_view
from shared.messaging.messages import PlanRun
from shared.store.documents import Changed
from shared.store.videos import PLAYGROUND, video_not_found


def execute(call: Call[ExecuteBody], deps: Deps) -> dict[str, Any]:
    """Start a prompt run"""
    return run_view(_start(asked_for(call, call.body, deps), deps))


def process(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any]:
    """Process one media item in segments of one length (legacy; execute a prompt instead)"""
    query: ProcessQuery = call.query
    video = deps.videos.get(call.tenant, video_id)
    prompt_id = query.prompt_id or (deps.indexes.get(call.tenant, video.index_id).prompt_id if video.index_id else "")
    if not prompt_id:
        raise invalid("prompt_id", "name a prompt: none is attached to the index of this item")
    body = ExecuteBody(
        prompt_id=prompt_id,
        target=VideosTarget(type="videos", video_ids=[video_id]),
        video_segmentation_type="fixed",
        audio_segmentation_type="fixed",
        video_segment_duration=query.segment_duration,
        audio_segment_duration=query.segment_duration,
    )
    run = _start(asked_for(call, body, deps), deps)
    return {"message": f"Processing has started as prompt run {run.run_id}.", "run_id": run.run_id, "video_id": video_id}


def _start(run: Run, deps: Deps) -> Run:
    batch = deps.store.batch()
    batch.create(run)
    try:
        batch.commit()
    except Changed:  # an earlier attempt of the same request came this far
        run = deps.runs.get(run.tenant, run.run_id)
    deps.queues.send(PlanRun(tenant=run.tenant, run_id=run.run_id), slot="execute")
    return run


def asked_for(call: Call[Any], body: ExecuteBody, deps: Deps) -> Run:
    """The run that the body asks for, not stored yet; everything it names is there. Raises ApiError otherwise."""
    prompt = deps.prompts.get(call.tenant, body.prompt_id)
    if not prompt.is_active:
        raise invalid("prompt_id", "this prompt is deactivated; choose an active one or create it anew")
    index_ids = _index_ids(call.tenant, body.target, deps)
    return new_run(
        body,
        prompt,
        now=deps.store.clock(),
        tenant=call.tenant,
        run_id=call.new_id("run"),
        user_id=call.caller.user_id,
        target=body.target.model_dump(),
        index_ids=index_ids,
    )


def _index_ids(tenant: str, target: Target, deps: Deps) -> list[str]:
    """Those of the media the run will touch. Raises INDEX_NOT_FOUND or VIDEO_NOT_FOUND."""
    if isinstance(target, IndexTarget):
        return [deps.indexes.get(tenant, target.index_id).index_id]
    if not isinstance(target, VideosTarget):
        return [PLAYGROUND]
    videos = deps.videos.get_many(tenant, target.video_ids)
    if len(videos) < len(set(target.video_ids)):
        raise video_not_found()
    if target.index_id is not None:
        deps.indexes.get(tenant, target.index_id)
        if any(video.index_id != target.index_id for video in videos):
            raise invalid("target.video_ids", "not all of these are in target.index_id")
    return sorted({video.index_id for video in videos})
