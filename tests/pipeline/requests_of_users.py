"""What a user asks of a run or a media item through the API, by the handlers themselves."""

import io
from types import SimpleNamespace

from functions.api.prompt_runs import handlers as prompt_runs
from shared.domain.cursors import Cursors
from shared.domain.media import Deletion, Index, Video
from shared.domain.runs import Run
from shared.http.call import Call, Caller
from shared.http.request import Headers, Request
from shared.store.deletions import Deletions
from shared.store.pages import Pages
from shared.store.runs import Runs
from tests.pipeline.scenes import USER
from tests.pipeline.world import World


def cancel(world: World, run: Run) -> None:
    """Raises ApiError where the API answers one."""
    caller = Caller(tenant=run.tenant, user_id=USER, scopes=frozenset({"write"}))
    request = Request("POST", f"/api/v2/prompt-runs/{run.run_id}/cancel", "", Headers([]), io.BytesIO(), None)
    runs = Runs(world.store, Pages(world.store, Cursors("cursors")))
    deps = SimpleNamespace(store=world.store, queues=world.queues, runs=runs)
    prompt_runs.cancel(Call(caller, None, None, request, "req"), deps, run.run_id)  # type: ignore[arg-type]


def delete(world: World, target: Index | Video) -> Deletion:
    """As the API's DELETE does; the resource is read anew first."""
    ids = (target.tenant, target.index_id if isinstance(target, Index) else target.video_id)
    current = world.store.get(type(target), *ids)
    assert current is not None
    return Deletions(world.store, world.queues).start(current)
