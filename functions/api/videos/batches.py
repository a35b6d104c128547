"""Many media items in one request; an id that names nothing of the caller's is left out of the answer."""

from typing import Any

from functions.api.videos import statuses
from functions.api.videos.deps import Deps
from functions.api.videos.schemas import BatchBody, BatchSegmentsBody, SegmentsTarget
from shared.domain.media import Segment, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.http.call import Call
from shared.http.views.segment import canonical_segment, run_segment
from shared.http.views.video import video_view
from shared.store.markers import Markers

MOST_SEGMENTS = 500  # of one item; the rest is paged through


def retrieve_many(call: Call[BatchBody], deps: Deps) -> list[dict[str, Any]]:
    """Retrieve up to 100 media items with their pictures and the state of their latest runs"""
    videos = deps.videos.get_many(call.tenant, call.body.video_ids)
    states = statuses.of_items(videos, deps)
    marks = Markers(deps.store).of(call.tenant, [(video.video_id, "") for video in videos])
    answers = []
    for video in videos:
        view = video_view(video, deps.objects.signed_url, marks)
        pictures = {"first_thumbnail": view["thumbnail_uri"], "gif_data": view["gif_uri"]}
        answers.append({**view, **pictures, "processing_status": states[video.video_id]})
    return answers


def status_of_many(call: Call[BatchBody], deps: Deps) -> list[dict[str, Any]]:
    """Retrieve the processing status of up to 100 media items"""
    videos = deps.videos.get_many(call.tenant, call.body.video_ids)
    states = statuses.of_items(videos, deps)
    return [{"video_id": one.video_id, "status": one.status, "processing_status": states[one.video_id]} for one in videos]


def segments_of_many(call: Call[BatchSegmentsBody], deps: Deps) -> list[dict[str, Any]]:
    """Retrieve the segments of up to 50 media items, plain or with the results of a run"""
    wanted = call.body.wanted()
    videos = {one.video_id: one for one in deps.videos.get_many(call.tenant, [target.video_id for target in wanted])}
    runs = {run.run_id: run for run in deps.runs.get_many(call.tenant, [target.run_id for target in wanted if target.run_id])}
    answers = []
    for target in wanted:
        video = videos.get(target.video_id)
        segments = None if video is None else _segments(video, target, runs, deps)
        if segments is not None:
            shown = segments[:MOST_SEGMENTS]
            more = len(segments) > MOST_SEGMENTS
            answers.append({"video_id": target.video_id, "run_id": target.run_id, "segments": shown, "truncated": more})
    return answers


def _segments(video: Video, target: SegmentsTarget, runs: dict[str, Run], deps: Deps) -> list[dict[str, Any]] | None:
    """One more than may be shown, to know whether there are more; None where the run has nothing of the item."""
    tenant, most = video.tenant, MOST_SEGMENTS + 1
    sign, markers = deps.objects.signed_url, Markers(deps.store)
    if target.run_id is None:
        if not video.latest_cut_id:
            return []
        query = deps.store.collection(Segment, tenant, video.video_id, video.latest_cut_id).order_by("ordinal").limit(most)
        segments = list(deps.store.stream(Segment, query))
        marks = markers.of(tenant, [(one.segment_id, "") for one in segments])
        return [canonical_segment(one, video, sign, marks) for one in segments]
    run = runs.get(target.run_id)
    if run is None or deps.store.get(RunMedia, tenant, run.run_id, video.video_id) is None:
        return None
    query = deps.store.collection(SegmentResult, tenant, run.run_id, video.video_id).order_by("ordinal").limit(most)
    rows = list(deps.store.stream(SegmentResult, query))
    marks = markers.of_run_rows(tenant, run.run_id, [row.segment_id for row in rows])
    return [run_segment(row, run, video, sign, marks) for row in rows]
