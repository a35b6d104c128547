"""Filtering the results of completed runs by their fields."""

from typing import Any

from pydantic import BaseModel, Field

from functions.api.search.handlers import PLAYGROUND, Deps, Links, marks_of
from functions.api.search.schemas import Ids
from shared.domain.errors import invalid
from shared.domain.leaves import leaves
from shared.domain.runs import SegmentResult
from shared.http.call import Call
from shared.search.found import Found, Match
from shared.search.joining import Joined
from shared.search.results import search_result
from shared.tables.conditions import Condition as Asked
from shared.tables.filtering import Places
from shared.tables.wire import Condition
from shared.vectors.texts import SearchText

MOST_SHOWN = 8  # instances of a field that a result names


class FilterBody(BaseModel):
    """All conditions must hold. Without `run_ids` over all completed runs; `index_ids` replaces the index of the path."""

    conditions: list[Condition] = Field(min_length=1, max_length=4)
    page_size: int = Field(50, ge=1, le=100)
    cursor: str | None = None
    run_ids: Ids | None = None
    index_ids: Ids | None = None


def filter_index(call: Call[FilterBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """Filter the results of completed runs over an index by their fields"""
    index_ids = list(dict.fromkeys(call.body.index_ids or [index_id]))
    owners = {deps.indexes.get(call.tenant, one).tenant for one in index_ids}
    deps.indexes.get(call.tenant, index_id)
    if len(owners) > 1:
        raise invalid("index_ids", "filter your own indexes and shared ones one after the other")
    return _answer(call, deps, owners.pop(), index_ids)


def filter_playground(call: Call[FilterBody], deps: Deps) -> dict[str, Any]:
    """Filter the results of completed runs over media that belong to no index"""
    return _answer(call, deps, call.tenant, list(PLAYGROUND))


def _answer(call: Call[FilterBody], deps: Deps, tenant: str, index_ids: list[str]) -> dict[str, Any]:
    body = call.body
    run_ids = list(dict.fromkeys(body.run_ids or []))
    known = {run.run_id for run in deps.runs.get_many(tenant, run_ids)} if run_ids else set()
    for run_id in run_ids:
        if run_id not in known:
            deps.runs.get(tenant, run_id)  # an unknown one is a 404, not an empty answer
    asked = [one.asked() for one in body.conditions]
    page = deps.filters.search(asked, Places(tenant, index_ids, run_ids), limit=body.page_size, cursor=body.cursor or None)
    found = [_found(row, asked) for row in page.rows]
    links, marks = Links(deps.objects, found), marks_of(call.tenant, found, deps)
    results = [search_result(one, links, marks) for one in found]
    for result in results:
        result["similarity_score"] = result["reranked_score"] = 1.0  # it meets the conditions; there is no more or less
    return {
        "results": results,
        "next_page_token": page.next_cursor,
        "total_shown": len(results),
    }


def _found(joined: Joined, asked: list[Asked]) -> Found:
    """With the values of the fields that were asked about."""
    data = joined.row.metadata if isinstance(joined.row, SegmentResult) else joined.row.video_level_metadata
    bare = {one.field.replace("[]", "") for one in asked}
    shown = [leaf for leaf in leaves(data) if _under(leaf.field_path.replace("[]", ""), bare)][:MOST_SHOWN]
    texts = [SearchText(n, leaf.field_path, leaf.instance_path, str(leaf.value)) for n, leaf in enumerate(shown)]
    return Found(joined.run, joined.video, joined.row, [Match(one, 1.0, 1.0, 1.0) for one in texts])


def _under(path: str, bare: set[str]) -> bool:
    return any(path == one or path.startswith(one + ".") for one in bare)
