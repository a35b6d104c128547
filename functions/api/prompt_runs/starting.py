"""Starting prompt runs."""

from datetime import timedelta
from typing import Any

from functions.api.prompt_runs.handlers import Deps
from functions.api.prompt_runs.schemas import ExecuteBody, IndexTarget, ProcessQuery, Target, VideosTarget
from shared.domain.errors import invalid
from shared.domain.prompts import Prompt
from shared.domain.runs import Run, RunStatus
from shared.http.call import Call
from shared.http.views.run import run_view
from shared.messaging.messages import PlanRun
from shared.store.documents import Changed
from shared.store.videos import PLAYGROUND, video_not_found

DEFAULT_MODEL = "gemini-2.5-flash"
PLANNED_WITHIN = timedelta(seconds=60)


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
    return _run(call, body, prompt, _index_ids(call.tenant, body.target, deps), deps)


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


def _run(call: Call[Any], body: ExecuteBody, prompt: Prompt, index_ids: list[str], deps: Deps) -> Run:
    now = deps.store.clock()
    return Run(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        run_id=call.new_id("run"),
        user_id=call.caller.user_id,
        prompt_id=prompt.prompt_id,
        prompt_name=prompt.name,
        prompt_revision=prompt.revision_number,
        prompt=prompt.contract(),
        target=body.target.model_dump(),
        index_ids=index_ids,
        video_segmentation_type=body.video_segmentation_type,
        audio_segmentation_type=body.audio_segmentation_type,
        video_segment_duration=body.video_segment_duration if body.video_segmentation_type == "fixed" else None,
        audio_segment_duration=body.audio_segment_duration if body.audio_segmentation_type == "fixed" else None,
        processing_model=body.processing_model or DEFAULT_MODEL,
        enable_transcription=body.enable_transcription,
        enable_image_embedding=body.enable_image_embedding,
        force=body.force,
        status=RunStatus.PENDING,
        wake_at=now + PLANNED_WITHIN,
    )
