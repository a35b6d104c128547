"""Reading and deleting media."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from functions.api.videos.deps import Deps
from functions.api.videos.schemas import PageQuery, RunsQuery, SegmentsQuery
from functions.api.videos.statuses import of_item, runs_touching
from shared.domain.media import Segment, Video
from shared.domain.runs import RunMedia, SegmentResult
from shared.http.call import Call
from shared.http.views.run import run_view
from shared.http.views.segment import canonical_segment, run_segment
from shared.http.views.video import video_view
from shared.store.deletions import deletion_view
from shared.store.markers import Markers
from shared.store.pages import Direction, envelope
from shared.store.videos import PLAYGROUND, video_not_found

IN_ORDER: Sequence[tuple[str, Direction]] = (("ordinal", "ASCENDING"),)


def retrieve(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any]:
    """Retrieve one media item, with the state of its latest runs"""
    video = deps.videos.get(call.tenant, video_id)
    marks = Markers(deps.store).of(call.tenant, [(video_id, "")])
    return {**video_view(video, deps.objects.signed_url, marks), "processing_status": of_item(video, deps)}


def delete(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any]:
    """Delete a media item with everything derived from it"""
    found = deps.deletions.find(call.tenant, "video", video_id)
    if found is not None:
        return deletion_view(found)
    return deletion_view(deps.deletions.start(deps.videos.get(call.tenant, video_id)))


def get_deletion(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any]:
    """Retrieve how far the deletion of a media item is"""
    return deletion_view(deps.deletions.get(call.tenant, "video", video_id))


def list_segments(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any]:
    """Page through the segments of a media item, plain or with the results of one run"""
    query: SegmentsQuery = call.query
    video = deps.videos.get(call.tenant, video_id)
    run_id = query.run_id or (video.latest_run_id if query.latest_run else "")
    if run_id:
        return _segments_of_run(call, video, run_id, deps)
    if query.latest_run or not video.latest_cut_id:
        return envelope([], query.limit, None)
    page = deps.pages.page(
        Segment,
        deps.store.collection(Segment, call.tenant, video_id, video.latest_cut_id),
        listing=f"segments/{call.tenant}/{video_id}/{video.latest_cut_id}",
        limit=query.limit,
        cursor=query.cursor,
        order=IN_ORDER,
    )
    marks = Markers(deps.store).of(call.tenant, [(segment.segment_id, "") for segment in page.items])
    return page.envelope(lambda segment: canonical_segment(segment, video, deps.objects.signed_url, marks))


def _segments_of_run(call: Call[None], video: Video, run_id: str, deps: Deps) -> dict[str, Any]:
    query: SegmentsQuery = call.query
    run = deps.runs.get(call.tenant, run_id)
    if deps.store.get(RunMedia, call.tenant, run_id, video.video_id) is None:
        raise video_not_found()
    page = deps.pages.page(
        SegmentResult,
        deps.store.collection(SegmentResult, call.tenant, run_id, video.video_id),
        listing=f"run-segments/{call.tenant}/{run_id}/{video.video_id}",
        limit=query.limit,
        cursor=query.cursor,
        order=IN_ORDER,
    )
    marks = Markers(deps.store).of_run_rows(call.tenant, run_id, [row.segment_id for row in page.items])
    return page.envelope(lambda row: run_segment(row, run, video, deps.objects.signed_url, marks))


def list_prompt_runs(call: Call[None], deps: Deps, video_id: str) -> list[dict[str, Any]]:
    """List the runs that touched a media item, newest first"""
    query: RunsQuery = call.query
    video = deps.videos.get(call.tenant, video_id)
    runs = [run for run, _ in islice(runs_touching(video, deps), query.limit)]
    marks = Markers(deps.store).of(call.tenant, [(run.run_id, "") for run in runs])
    return [run_view(run, marks) for run in runs]


def list_playground(call: Call[None], deps: Deps) -> dict[str, Any]:
    """Page through media that belong to no index"""
    query: PageQuery = call.query
    page = deps.videos.page(call.tenant, PLAYGROUND, limit=query.limit, cursor=query.cursor)
    marks = Markers(deps.store).of(call.tenant, [(video.video_id, "") for video in page.items])
    return page.envelope(lambda video: video_view(video, deps.objects.signed_url, marks))
