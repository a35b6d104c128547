"""What a run found, over all of its media in one listing: as a whole, and without what it found nothing in."""

from collections.abc import Iterator
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.workflow.handlers import Deps
from functions.api.workflow.schemas import ResultsQuery
from shared.calling.api import Calls, segment
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.runs import RunMedia
from shared.http.call import Call

MEDIA_AT_ONCE = 200
MOST_READS = 40  # calls for one page: a stream that finds little goes on with the next
_MISSING = (ErrorCode.VIDEO_RESULT_NOT_FOUND, ErrorCode.VIDEO_NOT_FOUND)

Result = dict[str, Any]


def list_results(call: Call[None], deps: Deps, run_id: str) -> dict[str, Any]:
    """Page through what a run found, over all of its media"""
    query: ResultsQuery = call.query
    api = deps.api.as_caller(call)
    run = api.get(f"/prompt-runs/{segment(run_id)}")
    streams: dict[str, Any] = {"filtered": None, "unfiltered": None}
    for name, cursor in (("filtered", query.filtered_cursor), ("unfiltered", query.unfiltered_cursor)):
        if query.view in (name, "both"):
            streams[name] = _Stream(call.tenant, run["run_id"], name, query, deps, api).page(cursor)
    return {
        "run_id": run["run_id"],
        "status": run["status"],
        "result_level": query.result_level,
        "selection_summary": {
            "rule": "filtered holds what extraction succeeded in and found at least one field of",
            "total_segments": run["total_segments"],
            "completed_segments": run["completed_segments"],
            "field_extraction_failures": run["field_extraction_failures"],
        },
        **streams,
    }


class _Stream:
    """One of the two listings. A position is the media item in hand and the API's own cursor within its segments."""

    def __init__(self, tenant: str, run_id: str, name: str, query: ResultsQuery, deps: Deps, api: Calls) -> None:
        self._tenant, self._run_id = tenant, run_id
        self._selected = name == "filtered"
        self._query = query
        self._deps = deps
        self._api = api
        self._listing = f"workflow-results/{tenant}/{run_id}/{query.result_level}/{name}"

    def page(self, cursor: str | None) -> dict[str, Any]:
        limit = self._query.limit
        at, inner = self._deps.cursors.decode(self._listing, cursor) if cursor else ("", "")
        data: list[Result] = []
        following: list[str] | None = None
        reads = 0
        for video_id in self._media(at):
            if video_id != at:
                inner = ""
            while True:
                if len(data) >= limit or reads >= MOST_READS:
                    following = [video_id, inner]
                    break
                reads += 1
                found, inner = self._read(video_id, inner, limit - len(data))
                data += [one for one in found if not self._selected or _found_something(one)]
                if not inner:
                    break
            if following is not None:
                break
        token = None if following is None else self._deps.cursors.encode(self._listing, list(following))
        return {"data": data, "pagination": {"limit": limit, "has_more": token is not None, "next_cursor": token}}

    def _media(self, start: str) -> Iterator[str]:
        """The run's media by their ids, from `start` on."""
        store = self._deps.store
        while True:
            media = store.collection(RunMedia, self._tenant, self._run_id)
            rows = media.order_by("__name__")
            rows = rows.where(filter=FieldFilter("__name__", ">=", media.document(start))) if start else rows
            page = [row.id for row in rows.select(["__name__"]).limit(MEDIA_AT_ONCE).stream()]
            yield from page
            if len(page) < MEDIA_AT_ONCE:
                return
            start = page[-1] + "0"  # behind it, and before any other id

    def _read(self, video_id: str, cursor: str, limit: int) -> tuple[list[Result], str]:
        """Of one item; what is not there, or not any more, is nothing."""
        run = f"/prompt-runs/{segment(self._run_id)}"
        try:
            if self._query.result_level == "video":
                return [self._api.get(f"{run}/videos/{segment(video_id)}/video-result")], ""
            page = self._api.get(f"{run}/results", video_id=video_id, limit=limit, cursor=cursor or None)
        except ApiError as error:
            if error.code in _MISSING:
                return [], ""
            raise
        return page["data"], page["pagination"]["next_cursor"] or ""


def _found_something(result: Result) -> bool:
    if result["result_type"] == "segment" and not result["field_extraction_succeeded"]:
        return False
    return _any_value(result["metadata"])


def _any_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_any_value(one) for one in value.values())
    if isinstance(value, list):
        return any(_any_value(one) for one in value)
    return value not in (None, "")
