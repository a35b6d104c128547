"""Searching by meaning, by words and by picture."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from functions.api.search.schemas import (
    ImageSearchBody,
    MultimodalSearchBody,
    MultiRunSearchBody,
    Places,
    PlaygroundQuery,
    PlaygroundSearchBody,
    TextSearchBody,
)
from shared.domain.markers import Marks
from shared.http.call import Call
from shared.objects.buckets import Objects
from shared.search.found import Found, Scope, best_first
from shared.search.fusion import fuse
from shared.search.image import ImageSearch
from shared.search.multi_run import aggregate
from shared.search.query_image import read_query_image
from shared.search.results import fused_result, linked_from, search_result, target_of
from shared.search.text import TextSearch
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.runs import Runs
from shared.tables.filtering import FilterSearch

Results = list[dict[str, Any]]
PLAYGROUND = ("",)  # the index of media that belong to none
FUSED_DEPTH = 50  # least length of the two rankings that are fused
NEWEST_RUNS = 20  # searched where no runs are named
_SIGNING = ThreadPoolExecutor(8, thread_name_prefix="sign")  # its threads begin with the first search


@dataclass(frozen=True)
class Deps:
    indexes: Indexes
    runs: Runs
    objects: Objects
    texts: TextSearch
    images: ImageSearch
    markers: Markers
    filters: FilterSearch


def text(call: Call[TextSearchBody], deps: Deps, index_id: str) -> Results:
    """Search the runs of an index by meaning and by words"""
    body = call.body
    scopes = _scopes(call.tenant, index_id, body, deps, body.search_fields)
    return _results(call.tenant, _merged([deps.texts.search(body.query, one, body.top_k) for one in scopes], body.top_k), deps)


def image(call: Call[ImageSearchBody], deps: Deps, index_id: str) -> Results:
    """Find the segments of an index that look like a picture"""
    body = call.body
    scopes = _scopes(call.tenant, index_id, body, deps)
    picture = read_query_image("image_data", body.image_data)
    return _results(call.tenant, _merged([deps.images.search(picture, one, body.top_k) for one in scopes], body.top_k), deps)


def multimodal(call: Call[MultimodalSearchBody], deps: Deps, index_id: str) -> Results:
    """Search an index by words and a picture together"""
    body = call.body
    scopes = _scopes(call.tenant, index_id, body, deps, body.search_fields)
    picture = read_query_image("image_data", body.image_data) if body.image_data else None
    depth = max(FUSED_DEPTH, body.top_k)
    by_text: list[Found] = []
    by_image: list[Found] = []
    if body.text_query and body.text_weight:
        by_text = _merged([deps.texts.search(body.text_query, one, depth) for one in scopes], depth)
    if picture and body.image_weight:
        by_image = _merged([deps.images.search(picture, one, depth) for one in scopes], depth)
    weights = (body.text_weight if body.text_query else 0.0, body.image_weight if picture else 0.0)
    fused = fuse(by_text, by_image, *weights)[: body.top_k]
    shown = [one.found for one in fused]
    links, marks = Links(deps.objects, shown), marks_of(call.tenant, shown, deps)
    return [fused_result(one, links, marks) for one in fused]


def multi_run(call: Call[MultiRunSearchBody], deps: Deps) -> Results:
    """Search several runs at once and compare their answers"""
    body = call.body
    if body.index_id:
        deps.indexes.get(call.tenant, body.index_id)
    if body.run_ids:
        runs = [deps.runs.get(call.tenant, run_id) for run_id in dict.fromkeys(body.run_ids)]
    elif body.index_id:
        runs = list(islice(deps.runs.touching_index(call.tenant, body.index_id), NEWEST_RUNS))
    else:
        runs = deps.runs.newest(call.tenant, limit=NEWEST_RUNS)
    scope = Scope(call.tenant, [body.index_id] if body.index_id else [])
    answers = deps.texts.per_run(body.query, scope, [run.run_id for run in runs], body.top_k)
    return _results(call.tenant, aggregate(answers, runs, body.aggregation), deps)


def playground(call: Call[PlaygroundSearchBody], deps: Deps) -> Results:
    """Search media that belong to no index"""
    query: PlaygroundQuery = call.query
    run_ids = [deps.runs.get(call.tenant, query.run_id).run_id] if query.run_id else []
    scope = Scope(call.tenant, PLAYGROUND, run_ids)
    return _results(call.tenant, deps.texts.search(call.body.query, scope, call.body.top_k), deps)


def _scopes(tenant: str, index_id: str, places: Places, deps: Deps, fields: Sequence[str] | None = None) -> list[Scope]:
    """One for the caller's own indexes, one for shared ones. An index or run that is not there is a 404, not an empty answer."""
    index_ids = list(dict.fromkeys(places.index_ids or [index_id]))
    indexes = {one: deps.indexes.get(tenant, one) for one in dict.fromkeys([index_id, *index_ids])}
    by_tenant: dict[str, list[str]] = {}
    for one in index_ids:
        by_tenant.setdefault(indexes[one].tenant, []).append(one)
    run_ids = list(dict.fromkeys(places.run_ids or []))
    known = {run.run_id for owner in by_tenant for run in deps.runs.get_many(owner, run_ids)}
    for one in run_ids:
        if one not in known:
            deps.runs.get(tenant, one)
    return [Scope(owner, own, run_ids, fields or ()) for owner, own in by_tenant.items()]


def _merged(answers: Sequence[list[Found]], top_k: int) -> list[Found]:
    return answers[0] if len(answers) == 1 else best_first([one for answer in answers for one in answer])[:top_k]


class Links:
    """Signed addresses of all that an answer shows, made side by side and while other things are read: in the cloud each is a
    call of its own."""

    def __init__(self, objects: Objects, found: Iterable[Found]) -> None:
        uris = {uri for one in found for uri in linked_from(one) if uri}
        self._made = {uri: _SIGNING.submit(objects.signed_url, uri) for uri in uris}

    def __call__(self, uri: str) -> str:
        return self._made[uri].result() if uri in self._made else ""


def _results(tenant: str, found: Sequence[Found], deps: Deps) -> Results:
    links, marks = Links(deps.objects, found), marks_of(tenant, found, deps)
    return [search_result(one, links, marks) for one in found]


def marks_of(tenant: str, found: Sequence[Found], deps: Deps) -> Marks:
    """What the caller marked, be it of what is shared."""
    return deps.markers.of(tenant, [(target_of(one), run) for one in found for run in (one.row.run_id, "")])
