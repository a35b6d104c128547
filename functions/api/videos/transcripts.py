"""What a run heard in a media item, as subtitles or as data."""

from collections.abc import Iterator
from typing import Any

from functions.api.videos.deps import Deps
from functions.api.videos.schemas import TranscriptQuery
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Video
from shared.domain.runs import Run, SegmentResult
from shared.domain.subtitles import cues, srt, vtt
from shared.http.call import Call
from shared.http.request import Response

_FILES = {"vtt": (vtt, "text/vtt; charset=utf-8"), "srt": (srt, "application/x-subrip; charset=utf-8")}


def transcript(call: Call[None], deps: Deps, video_id: str) -> dict[str, Any] | Response:
    """Retrieve what is spoken in a media item, as JSON, WebVTT or SubRip, from one run or the latest"""
    query: TranscriptQuery = call.query
    video = deps.videos.get(call.tenant, video_id)
    run, rows = _heard(call, video, query.run_id or video.latest_run_id, deps)
    utterances = list(_utterances(rows))
    if query.format == "json":
        return {
            "video_id": video.video_id,
            "run_id": run.run_id,
            "complete": all(row.transcription_succeeded for row in rows),
            "text": " ".join(str(one["text"]) for one in utterances),
            "utterances": utterances,
        }
    write, content_type = _FILES[query.format]
    name = f'inline; filename="{video.video_id}.{query.format}"'
    return Response(200, {"Content-Type": content_type, "Content-Disposition": name}, write(cues(utterances)).encode())


def _heard(call: Call[None], video: Video, run_id: str, deps: Deps) -> tuple[Run, list[SegmentResult]]:
    """The run and its rows of the item, some of which were transcribed. Raises RUN_NOT_FOUND or TRANSCRIPT_NOT_FOUND."""
    if not run_id:
        raise _no_transcript()
    run = deps.runs.get(call.tenant, run_id)
    query = deps.store.collection(SegmentResult, call.tenant, run.run_id, video.video_id).order_by("ordinal")
    rows = list(deps.store.stream(SegmentResult, query))
    if not any(row.transcription_succeeded for row in rows):
        raise _no_transcript()
    return run, rows


def _utterances(rows: list[SegmentResult]) -> Iterator[dict[str, Any]]:
    """In order of time; what two neighbouring segments both heard at their border counts once."""
    before: dict[str, Any] | None = None
    spoken = [one for row in rows for one in row.utterances]
    for one in sorted(spoken, key=lambda one: (one["start"], one["end"])):
        if before is not None and one["text"] == before["text"] and one["start"] < before["end"]:
            continue
        before = one
        yield one


def _no_transcript() -> ApiError:
    return ApiError(ErrorCode.TRANSCRIPT_NOT_FOUND, "no run has transcribed this item, or not yet")
