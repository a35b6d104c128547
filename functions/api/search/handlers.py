"""Searching an index."""

from dataclasses import dataclass
from typing import Any

from functions.api.search.schemas import TextSearchBody
from functions.api.search.views import search_result
from shared.domain.runs import SegmentResult
from shared.http.call import Call
from shared.objects.buckets import Objects
from shared.search.text import Found, Scope, TextSearch
from shared.store.indexes import Indexes
from shared.store.runs import Runs


@dataclass(frozen=True)
class Deps:
    indexes: Indexes
    runs: Runs
    objects: Objects
    texts: TextSearch


def text(call: Call[TextSearchBody], deps: Deps, index_id: str) -> list[dict[str, Any]]:
    """Search the runs of an index by meaning"""
    body = call.body
    index_ids = list(dict.fromkeys(body.index_ids or [index_id]))
    for one in {index_id, *index_ids}:
        deps.indexes.get(call.tenant, one)
    for run_id in dict.fromkeys(body.run_ids or []):
        deps.runs.get(call.tenant, run_id)  # an unknown one is a 404, not an empty answer
    scope = Scope(call.tenant, index_ids, body.run_ids or (), body.search_fields or ())
    return [search_result(found, _thumbnail(found, deps)) for found in deps.texts.search(body.query, scope, body.top_k)]


def _thumbnail(found: Found, deps: Deps) -> str:
    uri = found.row.thumbnail_uri if isinstance(found.row, SegmentResult) else found.video.thumbnail_uri
    return deps.objects.signed_url(uri) if uri else ""
