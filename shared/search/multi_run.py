"""One question to several runs, and what becomes of several answers about the same stretch of media."""

from collections.abc import Iterable, Sequence
from typing import Literal

from shared.domain.runs import Run
from shared.search.found import Found, best_first

Aggregation = Literal["best", "all", "weighted"]
FADING = 0.85  # each older run counts this much of the next newer one


def aggregate(answers: Sequence[Iterable[Found]], runs: Sequence[Run], how: Aggregation) -> list[Found]:
    """`all`: everything, by score. `best`: of each segment (or media-wide result) the run that scores highest.

    `weighted`: the same after each score was multiplied by 0.85 for every newer run among those asked, so that of near-equal
    answers the newest wins.
    """
    everything = [one for answer in answers for one in answer]
    if how == "weighted":
        newest_first = sorted(runs, key=lambda run: (run.created_at, run.run_id), reverse=True)
        weights = {run.run_id: FADING**age for age, run in enumerate(newest_first)}
        for one in everything:
            one.weight = weights.get(one.run.run_id, 1.0)
    ordered = best_first(everything)
    if how == "all":
        return ordered
    firsts: dict[tuple[str, str], Found] = {}
    for one in ordered:
        firsts.setdefault((one.video.video_id, one.segment_id), one)
    return list(firsts.values())
