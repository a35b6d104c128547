"""What a run would come to, without starting it: the same checks as for executing, then seconds, segments and tokens."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from functions.api.prompt_runs.handlers import Deps
from functions.api.prompt_runs.schemas import ExecuteBody
from functions.api.prompt_runs.starting import asked_for
from shared.domain.batches import batched
from shared.domain.estimate import Estimate, Item, expected_segments
from shared.domain.media import Cut, Video, segment_id
from shared.domain.reuse import EarlierAnswer, segment_key
from shared.domain.runs import Run
from shared.http.call import Call

MOST_ITEMS = 5_000  # looked at for one estimate
_AT_ONCE = 300


def estimate(call: Call[ExecuteBody], deps: Deps) -> dict[str, Any]:
    """Estimate a run without starting it; same body as execute"""
    run = asked_for(call, call.body, deps)
    targets = _targets(run, deps)
    counted = Estimate(run)
    for page in batched(islice(targets, MOST_ITEMS), _AT_ONCE):
        counted.add_all(_items(run, page, deps))
    more = next(targets, None) is not None
    return {
        "estimated_mt": 0.0,
        "breakdown": {**counted.breakdown(), "more_media": more},
        "sufficient_balance": True,
        "current_balance_mt": 0.0,
    }


def _targets(run: Run, deps: Deps) -> Iterator[Video]:
    if run.target["type"] == "videos":
        yield from deps.videos.get_many(run.tenant, run.target["video_ids"])
        return
    query = deps.store.collection(Video, run.tenant)
    query = query.where(filter=FieldFilter("index_id", "==", run.target.get("index_id") or ""))
    query = query.where(filter=FieldFilter("deleted_at", "==", None))
    yield from deps.store.stream(Video, query)


def _items(run: Run, videos: Sequence[Video], deps: Deps) -> Iterator[Item]:
    ids = {video.video_id: run.cut_settings.cut_id(video) for video in videos}
    cuts = deps.store.get_all(Cut, [(run.tenant, video_id, cut_id) for video_id, cut_id in ids.items()])
    known = {cut.video_id: cut.segment_count for cut in cuts}
    for video in videos:
        segments, exact = expected_segments(video, run, known.get(video.video_id))
        answered = _answered(run, video, ids[video.video_id], known.get(video.video_id, 0), deps)
        yield Item(video.media_type, video.duration_seconds, video.has_audio, segments, exact, answered)


def _answered(run: Run, video: Video, cut_id: str, segments: int, deps: Deps) -> int:
    """For how many segments of the cut an earlier run's answer will be taken over."""
    if run.force:
        return 0
    names = (segment_id(video.video_id, cut_id, ordinal) for ordinal in range(segments))
    keys = [(run.tenant, video.video_id, segment_key(run, name)) for name in names]
    return sum(len(deps.store.get_all(EarlierAnswer, page)) for page in batched(keys, _AT_ONCE))
