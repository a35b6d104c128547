"""Putting markers on things, and taking them off."""

from dataclasses import dataclass
from typing import Any

from functions.api.markers.schemas import MarkerBody
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.ids import is_id
from shared.domain.markers import WHOLE, MarkedTarget
from shared.domain.media import SegmentPlace
from shared.domain.runs import RunMedia, SegmentResult
from shared.http.call import Call
from shared.store.documents import Store
from shared.store.markers import Markers
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos, video_not_found


@dataclass(frozen=True)
class Deps:
    store: Store
    markers: Markers
    prompts: Prompts
    runs: Runs
    videos: Videos


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List markers, those of the target last marked first"""
    return [_view(target, path) for target in deps.markers.all(call.tenant) for path in target.marks]


def put(call: Call[MarkerBody], deps: Deps) -> dict[str, Any]:
    """Put a marker on a prompt, a run, a media item, a segment or an extracted field; one already there is replaced"""
    body = call.body
    video_id = _item_of_target(call, deps)
    path = body.field_path or WHOLE
    target = deps.markers.put(
        call.tenant,
        call.caller.user_id,
        target_type=body.target_type,
        target_id=body.target_id,
        run_id=body.run_id or "",
        field_path=path,
        video_id=video_id,
        color=body.color,
        note=body.note,
    )
    return _view(target, path)


def remove(call: Call[None], deps: Deps, marker_id: str) -> dict[str, Any]:
    """Take a marker off"""
    deps.markers.remove(call.tenant, marker_id, begun=call.resumed)
    return {"message": "The marker is removed.", "marker_id": marker_id}


def _item_of_target(call: Call[MarkerBody], deps: Deps) -> str:
    """The media item the target is or belongs to, "" for none. Raises the target's own not-found error."""
    body, tenant = call.body, call.tenant
    if body.target_type == "prompt":
        deps.prompts.get(tenant, body.target_id)
        return ""
    if body.target_type == "prompt_run":
        deps.runs.get(tenant, body.target_id)
        return ""
    if body.target_type == "video":
        return deps.videos.get(tenant, body.target_id).video_id
    if body.target_type == "field" and is_id("video", body.target_id):
        video = deps.videos.get(tenant, body.target_id)
        run = deps.runs.get(tenant, body.run_id or "")
        if deps.store.get(RunMedia, tenant, run.run_id, video.video_id) is None:
            raise video_not_found()
        return video.video_id
    return _item_of_segment(call, deps)


def _item_of_segment(call: Call[MarkerBody], deps: Deps) -> str:
    body, tenant = call.body, call.tenant
    place = deps.store.get(SegmentPlace, tenant, body.target_id)
    if place is None or not deps.videos.get_many(tenant, [place.video_id]):
        raise _segment_not_found()
    if body.run_id:
        run = deps.runs.get(tenant, body.run_id)
        if deps.store.get(SegmentResult, tenant, run.run_id, place.video_id, place.segment_id) is None:
            raise _segment_not_found()
    return place.video_id


def _segment_not_found() -> ApiError:
    return ApiError(ErrorCode.SEGMENT_NOT_FOUND, "there is no such segment")


def _view(target: MarkedTarget, path: str) -> dict[str, Any]:
    mark = target.marks[path]
    return {
        "marker_id": mark["marker_id"],
        "target_type": mark["target_type"],
        "target_id": target.target_id,
        "run_id": target.run_id or None,
        "field_path": path or None,
        "color": mark["color"],
        "note": mark["note"],
        "user_id": mark["user_id"],
        "updated_at": mark["updated_at"],
    }
