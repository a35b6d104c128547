"""One search over everything: by meaning, or by conditions on fields; page by page.

A page's cursor holds the question. By meaning, the first 100 results are one ranking, asked for anew with each page (so that what
was deleted meanwhile is gone) and the reader is told if it changed. Conditions are read on from where the last page ended.
"""

import hashlib
import zlib
from base64 import b85decode, b85encode
from dataclasses import dataclass
from typing import Any

from functions.api.workflow.destinations import existing
from functions.api.workflow.handlers import Deps
from functions.api.workflow.schemas import SearchBody, SearchPageQuery, several
from shared.calling.api import Calls, segment
from shared.domain.batches import batched
from shared.http.call import Call

WINDOW = 100  # results of a ranking that can be paged through
MOST_PAGES = 20  # asked of the filter for one page of ours
MOST_INDEXES = 100  # in one question to the API
MOST_CURSOR = 3_900  # characters; a longer question cannot be paged
_PER_RUN = 50


@dataclass(frozen=True)
class Scope:
    """What is searched; all three empty: nothing."""

    index_ids: list[str]
    playground: bool
    run_ids: list[str]
    video_ids: list[str]


@dataclass(frozen=True)
class Position:
    """How far the reader is: results given so far, and of conditions the place in hand and the API's own cursor in it."""

    seen: int = 0
    digest: str = ""
    place: int = 0
    cursor: str = ""


@dataclass(frozen=True)
class Found:
    data: list[dict[str, Any]]
    after: Position | None  # None: that was all
    truncated: bool
    warnings: list[str]


def search(call: Call[SearchBody], deps: Deps) -> dict[str, Any]:
    """Search everything, or what is named, by meaning or by conditions on fields"""
    return _answer(call, call.body, Position(), deps)


def next_page(call: Call[None], deps: Deps) -> dict[str, Any]:
    """The page behind a search's cursor"""
    query: SearchPageQuery = call.query
    packed, *position = deps.cursors.decode(_listing(call), query.cursor)
    body = SearchBody.model_validate_json(zlib.decompress(b85decode(packed)))
    return _answer(call, body, Position(*position), deps)


def _listing(call: Call[Any]) -> str:
    return f"workflow-search/{call.tenant}"


def _answer(call: Call[Any], body: SearchBody, position: Position, deps: Deps) -> dict[str, Any]:
    api = deps.api.as_caller(call)
    scope = _scope(body, api)
    found = _ranked(body, scope, position, api) if body.query else _filtered(body, scope, position, api)
    cursor, warnings = None, found.warnings
    if found.after is not None:
        after = found.after
        asked = b85encode(zlib.compress(body.model_dump_json(exclude_defaults=True).encode())).decode()
        cursor = deps.cursors.encode(_listing(call), [asked, after.seen, after.digest, after.place, after.cursor])
        if len(cursor) > MOST_CURSOR:
            cursor, warnings = (
                None,
                [*warnings, "The question is too long to be paged: raise limit, or name fewer runs and items."],
            )
    return {
        "data": found.data,
        "mode": "vector" if body.query else "condition",
        "result_level": body.result_level,
        "scope": {
            "index_ids": scope.index_ids,
            "playground": scope.playground,
            "prompt_run_ids": scope.run_ids,
            "video_ids": scope.video_ids,
        },
        "coverage": {
            "indexes": len(scope.index_ids),
            "playground": scope.playground,
            "considered": position.seen + len(found.data),
        },
        "warnings": warnings,
        "pagination": {
            "limit": body.limit,
            "count": len(found.data),
            "has_more": cursor is not None,
            "next_cursor": cursor,
            "result_window": WINDOW if body.query else 0,
            "truncated": found.truncated or (found.after is not None and cursor is None),
        },
    }


def _scope(body: SearchBody, api: Calls) -> Scope:
    video_ids, run_ids = several(body.video_ids), several(body.prompt_run_ids)
    if body.index_id or body.index_name:
        return Scope([existing(body, api)["index_id"]], False, run_ids, video_ids)
    if video_ids:
        items = api.post("/videos/batch", {"video_ids": video_ids})
        places = list(dict.fromkeys(one["index_id"] or "" for one in items))
        return Scope([one for one in places if one], "" in places, run_ids, video_ids)
    own = [one["index_id"] for one in api.get("/indexes", include_defaults=False)]
    return Scope(own, True, run_ids, video_ids)


def _wanted(body: SearchBody, scope: Scope, one: dict[str, Any]) -> bool:
    return one["result_type"] == body.result_level and (not scope.video_ids or one["video_id"] in scope.video_ids)


def _ranked(body: SearchBody, scope: Scope, position: Position, api: Calls) -> Found:
    everything = {one["result_id"]: one for one in _by_meaning(body, scope, api) if _wanted(body, scope, one)}
    ranking = sorted(everything.values(), key=lambda one: (-one["similarity_score"], one["result_id"]))
    window, end = ranking[:WINDOW], position.seen + body.limit
    warnings = []
    if position.seen and _digest(window[: position.seen]) != position.digest:
        warnings.append("What is found has changed since the first page: results may repeat or be missing.")
    after = Position(end, _digest(window[:end])) if end < len(window) else None
    return Found(window[position.seen : end], after, len(ranking) > WINDOW, warnings)


def _digest(results: list[dict[str, Any]]) -> str:
    return hashlib.sha256("\n".join(one["result_id"] for one in results).encode()).hexdigest()[:16]


def _by_meaning(body: SearchBody, scope: Scope, api: Calls) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if scope.run_ids and not (body.index_id or body.index_name or scope.video_ids):
        asked = {"query": body.query, "run_ids": scope.run_ids, "aggregation": "best", "top_k": _PER_RUN}
        return api.post("/search/multi-run", asked)
    for index_ids in batched(scope.index_ids, MOST_INDEXES):
        asked = {"query": body.query, "top_k": WINDOW, "index_ids": list(index_ids)}
        if scope.run_ids:
            asked["run_ids"] = scope.run_ids
        found += api.post(f"/indexes/{segment(index_ids[0])}/search", asked)
    if scope.playground:
        runs: list[str | None] = [*scope.run_ids] or [None]
        for run_id in runs:
            found += api.post("/playground/search", {"query": body.query, "top_k": WINDOW}, run_id=run_id)
    return found


def _filtered(body: SearchBody, scope: Scope, position: Position, api: Calls) -> Found:
    """Reads place after place until the page is full; what is not wanted is passed by."""
    places = [list(ids) for ids in batched(scope.index_ids, MOST_INDEXES)] + ([[]] if scope.playground else [])
    conditions = [one.model_dump(exclude_unset=True) for one in body.filters or []]
    data: list[dict[str, Any]] = []
    place, cursor, asked = position.place, position.cursor, 0
    while place < len(places) and len(data) < body.limit and asked < MOST_PAGES:
        asked += 1
        index_ids = places[place]
        sent: dict[str, Any] = {"conditions": conditions, "page_size": body.limit - len(data)}
        if cursor:
            sent["cursor"] = cursor
        if index_ids:
            sent["index_ids"] = index_ids
        if scope.run_ids:
            sent["run_ids"] = scope.run_ids
        page = api.post(f"/search/filter/{segment(index_ids[0]) if index_ids else 'playground'}", sent)
        data += [one for one in page["results"] if _wanted(body, scope, one)]
        cursor = page["next_page_token"] or ""
        place += not cursor
    after = Position(position.seen + len(data), "", place, cursor) if place < len(places) else None
    return Found(data, after, False, [])
