"""Indexes: the boundary of a collection of media."""

from dataclasses import dataclass
from typing import Any

from functions.api.indexes.schemas import IndexCreate, IndexList, PageQuery, PromptAttachment
from shared.domain.media import Index
from shared.http.call import Call
from shared.http.views.index import index_view
from shared.http.views.run import run_view
from shared.http.views.video import Sign, video_view
from shared.store.deletions import Deletions, deletion_view
from shared.store.documents import Store
from shared.store.indexes import Indexes
from shared.store.markers import Markers
from shared.store.prompts import Prompts
from shared.store.runs import Runs
from shared.store.videos import Videos


@dataclass(frozen=True)
class Deps:
    store: Store
    indexes: Indexes
    videos: Videos
    runs: Runs
    prompts: Prompts
    deletions: Deletions
    sign: Sign


def create(call: Call[IndexCreate], deps: Deps) -> dict[str, Any]:
    """Create an index"""
    now = deps.store.clock()
    index = Index(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        index_id=call.new_id("index"),
        user_id=call.caller.user_id,
        name=call.body.name,
        description=call.body.description,
    )
    return index_view(deps.store.create_once(index))


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List indexes, newest first, the shared default ones last"""
    query: IndexList = call.query
    return [index_view(index) for index in deps.indexes.all(call.tenant, include_defaults=query.include_defaults)]


def retrieve(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Retrieve one index"""
    return index_view(deps.indexes.get(call.tenant, index_id))


def delete(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Delete an index with all its media; a repeated call tells how far that is"""
    deletion = deps.deletions.find(call.tenant, "index", index_id)
    if deletion is None:
        deletion = deps.deletions.start(deps.indexes.own(call.tenant, index_id))
    return deletion_view(deletion)


def get_deletion(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Retrieve how far the deletion of an index is"""
    return deletion_view(deps.deletions.get(call.tenant, "index", index_id))


def list_videos(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Page through the media of an index, newest first"""
    query: PageQuery = call.query
    index = deps.indexes.get(call.tenant, index_id)
    page = deps.videos.page(index.tenant, index_id, limit=query.limit, cursor=query.cursor)
    marks = Markers(deps.store).of_each(call.tenant, [video.video_id for video in page.items])
    return page.envelope(lambda video: video_view(video, deps.sign, marks))


def list_prompt_runs(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Page through the caller's runs that touch an index, newest first"""
    query: PageQuery = call.query
    deps.indexes.get(call.tenant, index_id)
    page = deps.runs.page_for_index(call.tenant, index_id, limit=query.limit, cursor=query.cursor)
    marks = Markers(deps.store).of_each(call.tenant, [run.run_id for run in page.items])
    return page.envelope(lambda run: run_view(run, marks))


def get_prompt(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Retrieve the prompt attached to an index (deprecated)"""
    return _attachment(deps.indexes.get(call.tenant, index_id))


def attach_prompt(call: Call[PromptAttachment], deps: Deps, index_id: str) -> dict[str, Any]:
    """Attach a prompt to an index (deprecated; execute prompts through prompt runs)"""
    index = deps.indexes.own(call.tenant, index_id)
    return _attach(index, deps.prompts.get(call.tenant, call.body.prompt_id).prompt_id, deps)


def detach_prompt(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Take the prompt off an index (deprecated)"""
    index = deps.indexes.own(call.tenant, index_id)
    return {"message": "No prompt is attached to the index.", **_attach(index, "", deps)}


def _attach(index: Index, prompt_id: str, deps: Deps) -> dict[str, Any]:
    batch = deps.store.batch()
    batch.change(index, prompt_id=prompt_id)
    batch.commit()
    return _attachment(index)


def _attachment(index: Index) -> dict[str, Any]:
    return {"index_id": index.index_id, "prompt_id": index.prompt_id or None}
